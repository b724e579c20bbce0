"""The data plane of an Azure Event Grid namespace, on one machine: ``python -m emulators.eventgrid --help``.

Layers, each of which knows only those below it:

- ``app`` (ASGI routes), ``admin`` (``/_emulator/…`` and ``/healthz``), ``server`` (the process);
- ``wire`` (requests and responses), ``cloudevents`` (what a publisher may send), ``auth``, ``faults``;
- ``namespace`` (topics, long polls, timers), ``journal`` (group commit);
- ``subscription`` (pure queue state), ``segments`` (what is on disk, in memory), ``store`` (SQLite);
- ``config``, ``clock``, ``errors``.

What is emulated, and how it was established: the contract ``event-grid-namespaces.md``.
"""
