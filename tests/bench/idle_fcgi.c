/*
 * idle_fcgi.c - a FastCGI responder that reads the body and does nothing.
 *
 * What is left of a POST's time when the database is taken away: the web
 * server and libfcgi. idle_fcgi SOCKET [THREADS]
 */
#include <err.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

static int listener;

static void *
serve(void *arg)
{
	FCGX_Request r;
	char body[4096];

	FCGX_InitRequest(&r, listener, 0);
	while (FCGX_Accept_r(&r) == 0) {
		while (FCGX_GetStr(body, sizeof(body), r.in) > 0)
			;
		FCGX_PutS("Status: 201 Created\r\n"
			  "Content-Type: application/json\r\n\r\n"
			  "{\"id\":\"1\",\"topic\":\"bench\"}\n",
		    r.out);
		FCGX_Finish_r(&r);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 64;
	pthread_t t;

	if (argc < 2)
		errx(2, "usage: %s SOCKET [THREADS]", argv[0]);
	FCGX_Init();
	listener = FCGX_OpenSocket(argv[1], 1024);
	if (listener == -1 || chmod(argv[1], 0666) == -1)
		err(1, "%s", argv[1]);
	for (int i = 1; i < threads; i++)
		if (pthread_create(&t, NULL, serve, NULL) != 0)
			errx(1, "no more than %d threads", i);
	serve(NULL);
	return 0;
}
