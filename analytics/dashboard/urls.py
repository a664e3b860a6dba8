from django.urls import path

from analytics.dashboard import marketing, orders, views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("analytics/", views.analytics, name="analytics"),
    path("analytics/marketing/", marketing.marketing, name="marketing"),
    path("analytics/orders/", orders.order_list, name="orders"),
    path("analytics/orders/<path:number>/", orders.order, name="order"),
]
