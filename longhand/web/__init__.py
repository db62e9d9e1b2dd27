"""The web inspector: server-rendered pages over one store, for reading, editing and approving.

`make_app` builds it from a store, `serve` runs it. Pages read through the store's queries and change
documents through the functions of the command line; nothing here knows a model.
"""
