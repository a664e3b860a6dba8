"""What is compared with: the least an HTTP server can do with a batch, and what most projects would do with it."""

import os

import orjson


async def application(scope, receive, send):
    """Read it, parse it, say yes."""
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    orjson.loads(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"16")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"success":true}'})


def plain():
    """Makes a WSGI application of the views in tests.benchmarks.plain, with hardly any middleware."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler

    django.setup()
    settings.ROOT_URLCONF = "tests.benchmarks.plain"
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]  # It tells the length of an answer.
    return WSGIHandler()
