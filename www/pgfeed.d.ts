/** What a feed may be opened with. */
export interface FeedOptions {
  /** Topics, or patterns such as "orders/*", besides those of the URL. */
  topics?: string[];
  /**
   * Where to begin: a cursor, "earliest", "-20" for the last twenty, or "now",
   * which is the default. Wins over what `persist` kept.
   */
  since?: string;
  /** Keeps the cursor in the tab's session storage under this name. */
  persist?: string;
  /** False: the feed does not deliver what it published itself. */
  echo?: boolean;
  /** How many publishes may wait to be sent; default 1000. */
  queue?: number;
  /** False: a connection of its own, not the browser's one. */
  share?: boolean;
  /**
   * Who is signed in: the user's name, or anything else that changes with the
   * user. Feeds share a connection only with feeds of the same identity, and
   * join it without being checked. Without it every feed that joins an open
   * connection is checked by a short request.
   */
  identity?: string;
  /** False: no connection at all; the feed only publishes. */
  listen?: boolean;
  /**
   * Called before each request for headers such as Authorization. A feed that
   * has it does not share its connection.
   */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /**
   * A token, or a function that returns the one to use now, called before each
   * request, for pgfeed's access_token in the query. Does not share either. A
   * function that throws makes an error event, and is called again later.
   */
  token?: string | (() => string | Promise<string>);
}

/**
 * connecting: not there yet; live: streaming; polling: live by long-poll, or
 * by short requests while the server has no room for streams; waiting: lost,
 * and another try comes; closed: by close(), or refused.
 */
export type FeedState =
  "connecting" | "live" | "polling" | "waiting" | "closed";

export interface FeedMessage extends Event {
  readonly topic: string;
  /** Opaque; undefined for a plain NOTIFY. */
  readonly id?: string;
  /** RFC 3339, in UTC. */
  readonly at: string;
  readonly kind: string | null;
  /** The payload as it was published. */
  readonly data: string;
  /** Whether this feed published it. */
  readonly own: boolean;
  /** The payload, parsed. */
  json<T = unknown>(): T;
}

export interface FeedStateEvent extends Event {
  readonly state: FeedState;
}

/** Events are missing. preventDefault() keeps the banner from showing. */
export interface FeedGap extends Event {
  readonly reason: string;
  readonly oldest?: string;
}

/** The server refused, or token() or headers() threw. */
export interface FeedError extends Event {
  readonly message: string;
  /** The HTTP status; 0 when token() or headers() threw. */
  readonly status?: number;
  /** True: the feed closes after this. False (401, 403): it asks again later. */
  readonly final: boolean;
}

export interface FeedEventMap {
  message: FeedMessage;
  state: FeedStateEvent;
  gap: FeedGap;
  error: FeedError;
  close: Event;
}

export interface PublishOptions {
  kind?: string;
  /** Idempotency key; by default a random one, the same at every retry. */
  key?: string;
}

export interface Published {
  id: string;
  topic: string;
  /** The key had been used before, and this is the first event's id. */
  duplicate?: boolean;
}

export class Feed extends EventTarget implements AsyncIterable<FeedMessage> {
  /**
   * @param url the address pgfeed is mapped to, default "/events"; a topic may
   * follow after /events/, or in ?topic=
   */
  constructor(url?: string | URL, options?: FeedOptions);
  readonly url: string;
  readonly topics: readonly string[];
  readonly state: FeedState;
  /** The position after the last event that was dispatched. */
  readonly cursor: string | undefined;

  /** Calls fn for a topic's events; returns the way to stop that. */
  on(topic: string, fn: (event: FeedMessage) => void): () => void;
  /** The same for one kind of events. */
  on(topic: string, kind: string, fn: (event: FeedMessage) => void): () => void;
  /**
   * Queues an event; anything but a string is sent as JSON. Resolves after the
   * commit, rejects when refused for good. That includes a server elsewhere
   * which answers, but whose option origins does not list this page's origin.
   */
  publish(
    topic: string,
    data: unknown,
    options?: PublishOptions,
  ): Promise<Published>;
  /** Ends the subscription. What waits to be sent is still sent. */
  close(): void;
  [Symbol.asyncIterator](): AsyncGenerator<FeedMessage, void, undefined>;

  addEventListener<K extends keyof FeedEventMap>(
    type: K,
    listener: ((event: FeedEventMap[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof FeedEventMap>(
    type: K,
    listener: ((event: FeedEventMap[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** A message as a WebSocket's, and what the feed knows besides. */
export interface FeedSocketMessage extends MessageEvent<string> {
  readonly topic: string;
  readonly kind: string | null;
  readonly at: string;
  readonly own: boolean;
}

export interface FeedSocketEventMap {
  open: Event;
  message: FeedSocketMessage;
  error: Event & { readonly message: string };
  close: CloseEvent;
  gap: FeedGap;
}

/**
 * WebSocket's interface over a feed. It reconnects by itself and stays OPEN
 * meanwhile; it closes when close() is called or the server refuses.
 */
export class FeedSocket extends EventTarget {
  constructor(
    url: string | URL,
    protocols?: string | string[],
    options?: FeedOptions,
  );
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly url: string;
  readonly readyState: 0 | 1 | 2 | 3;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly extensions: string;
  /** Text only: setting "arraybuffer" throws NotSupportedError. */
  binaryType: "blob";
  /** What it is made of. */
  readonly feed: Feed;

  onopen: ((event: Event) => void) | null;
  onmessage: ((event: FeedSocketMessage) => void) | null;
  onerror: ((event: FeedSocketEventMap["error"]) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  ongap: ((event: FeedGap) => void) | null;

  send(data: string): void;
  close(code?: number, reason?: string): void;

  addEventListener<K extends keyof FeedSocketEventMap>(
    type: K,
    listener: ((event: FeedSocketEventMap[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof FeedSocketEventMap>(
    type: K,
    listener: ((event: FeedSocketEventMap[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
