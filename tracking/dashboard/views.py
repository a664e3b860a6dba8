from django.http import HttpRequest, HttpResponse


def soon(request: HttpRequest, **_: object) -> HttpResponse:
    return HttpResponse("soon")
