"""The least project around django-oscar: its own templates, views and static files, nothing changed."""

import os
from pathlib import Path

from oscar.defaults import *  # noqa: F403


def words(name, default=""):
    return [word for word in os.environ.get(name, default).split(",") if word]


# Everything that a run writes lies here.
STATE = Path(os.environ["SHOP_STATE"])

SECRET_KEY = "on loopback, for tests alone"
DEBUG = False
ALLOWED_HOSTS = words("SHOP_HOSTS", "127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = words("SHOP_TRUSTED_ORIGINS")
SITE_ID = 1
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE / "db.sqlite3",
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"timeout": 20},
    }
}
# Oscar lists its categories through the search index. It is written once, when the shop is seeded.
HAYSTACK_CONNECTIONS = {
    "default": {"ENGINE": "haystack.backends.whoosh_backend.WhooshEngine", "PATH": str(STATE / "index")}
}
STATIC_URL, STATIC_ROOT = "/static/", STATE / "static"
MEDIA_URL, MEDIA_ROOT = "/media/", STATE / "media"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}

DJANGO = ["admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "sites", "flatpages"]
# App and the name of its configuration class, less `Config`.
OSCAR = {
    "analytics": "Analytics",
    "checkout": "Checkout",
    "address": "Address",
    "shipping": "Shipping",
    "catalogue": "Catalogue",
    "catalogue.reviews": "CatalogueReviews",
    "communication": "Communication",
    "partner": "Partner",
    "basket": "Basket",
    "payment": "Payment",
    "offer": "Offer",
    "order": "Order",
    "customer": "Customer",
    "search": "Search",
    "voucher": "Voucher",
    "wishlists": "Wishlists",
    "dashboard": "Dashboard",
    "dashboard.reports": "ReportsDashboard",
    "dashboard.users": "UsersDashboard",
    "dashboard.orders": "OrdersDashboard",
    "dashboard.catalogue": "CatalogueDashboard",
    "dashboard.offers": "OffersDashboard",
    "dashboard.partners": "PartnersDashboard",
    "dashboard.pages": "PagesDashboard",
    "dashboard.ranges": "RangesDashboard",
    "dashboard.reviews": "ReviewsDashboard",
    "dashboard.vouchers": "VouchersDashboard",
    "dashboard.communications": "CommunicationsDashboard",
    "dashboard.shipping": "ShippingDashboard",
}
INSTALLED_APPS = [
    *(f"django.contrib.{app}" for app in DJANGO),
    "oscar.config.Shop",
    *(f"oscar.apps.{app}.apps.{config}Config" for app, config in OSCAR.items()),
    "widget_tweaks",
    "haystack",
    "treebeard",
    "sorl.thumbnail",
    "django_tables2",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
if os.environ.get("SHOP_ETAG") == "1":
    MIDDLEWARE.insert(0, "django.middleware.http.ConditionalGetMiddleware")
if os.environ.get("SHOP_GZIP") == "1":
    MIDDLEWARE.insert(0, "django.middleware.gzip.GZipMiddleware")

AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]

OSCAR_SHOP_NAME = "Bookshop"
OSCAR_DEFAULT_CURRENCY = "GBP"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_INITIAL_ORDER_STATUS = OSCAR_INITIAL_LINE_STATUS = "Pending"
OSCAR_ORDER_STATUS_PIPELINE = {"Pending": ("Complete", "Cancelled"), "Complete": (), "Cancelled": ()}
