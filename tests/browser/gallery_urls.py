"""The product's addresses and the gallery, which is otherwise only there in development."""

from django.urls import include, path

from config.gallery import gallery

urlpatterns = [path("staff/gallery/", gallery, name="gallery"), path("", include("config.urls"))]
