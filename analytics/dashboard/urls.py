from django.urls import path

from analytics.dashboard import orders, views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("analytics/", views.analytics, name="analytics"),
    path("analytics/orders/", orders.order_list, name="orders"),
    path("analytics/orders/<path:number>/", orders.order, name="order"),
]
