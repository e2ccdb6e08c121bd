"""The harness of every folder of tests: PYTHONPATH names the folder that holds lib."""
