"""The schemas of the OpenAPI document: its `components`."""
