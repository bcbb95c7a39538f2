"""The verbs. Each reads, calls pure code, and writes; the command line and the service share them."""
