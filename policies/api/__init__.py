"""What `/.router/*` takes and answers, as types that the router and its tools share.

Imported for types alone, so nothing of it is uploaded; the OpenAPI document is made from it.
"""
