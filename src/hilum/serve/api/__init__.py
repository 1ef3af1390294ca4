"""What other programs use: JSON over HTTP, described by OpenAPI, under /api/v1.

* `shapes`    what is answered, as pydantic models
* `problems`  what goes wrong, as application/problem+json (RFC 9457)
* `upload`    bytes that arrive: counted, bounded, hashed
* `films`, `opinions`, `health`   the routes
"""
