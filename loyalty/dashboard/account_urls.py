"""One's own account, beside allauth's pages: also for a partner's people."""

from django.urls import path

from loyalty.dashboard import tokens

app_name = "account-tokens"
urlpatterns = [
    path("tokens/", tokens.my_tokens, name="mine"),
    path("tokens/<int:pk>/revoke/", tokens.my_token_revoke, name="revoke"),
]
