"""Every environment variable, read once, here. docs/operator.md lists them all.

With DATABASE_URL unset, the launcher's own servers are used: their addresses stand in a file below
the data directory (labeler.launch.embedded.connection).
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from labeler.launch import embedded

BASE_DIR = Path(__file__).resolve().parent.parent


def env_bool(name: str, default: bool) -> bool:
    """1/true/yes/on or 0/false/no/off; anything else is a mistake worth stopping for."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def env_list(name: str) -> list[str]:
    """Comma-separated words."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def env_int(name: str, default: int) -> int:
    """A whole number."""
    value = os.environ.get(name, "").strip()
    try:
        return int(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error


def database_from_url(url: str) -> dict:
    """postgres://user:password@host:port/name?sslmode=require -> Django's DATABASES entry."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// (PostgreSQL is the only database).")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        # A connection per request costs 3 ms and more; a dead one is noticed before it is used.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # A statement that hangs would hold its locks and stop everybody who labels.
            "options": "-c statement_timeout={} -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s".format(
                os.environ.get("LABELER_STATEMENT_TIMEOUT", "30s")
            ),
            **dict(parse_qsl(parts.query)),
        },
    }


DATA_DIR = Path(os.environ.get("LABELER_DATA") or BASE_DIR / "var").expanduser().resolve()
MEDIA_DIR = Path(os.environ.get("LABELER_MEDIA") or DATA_DIR / "media")
MODELS_DIR = Path(os.environ.get("LABELER_MODELS") or DATA_DIR / "models")

_connection = embedded.connection(DATA_DIR)
_database_url = os.environ.get("DATABASE_URL") or (_connection and _connection.database_url)
REDIS_URL = os.environ.get("REDIS_URL") or (_connection and _connection.redis_url) or ""
SECRET_KEY = os.environ.get("SECRET_KEY") or (_connection and _connection.secret_key) or ""
if SECRET_KEY and len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters. Generate one: openssl rand -base64 48")
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")

# Commands that need no database (makemigrations, spectacular) run without one.
DATABASES = (
    {"default": database_from_url(_database_url)}
    if _database_url
    else {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "labeler-not-configured"}}
)

DEBUG = env_bool("LABELER_DEBUG", False)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS") or ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "labeler",
    "labeler.accounts.admin_site.Administration",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]
MIDDLEWARE = [
    "labeler.web.middleware.ProxyHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "labeler.web.middleware.KnownLength",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "labeler.web.middleware.PrivateResponses",
    "labeler.web.middleware.WordsForNotAllowed",
]
ROOT_URLCONF = "labeler.urls"
WSGI_APPLICATION = "labeler.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["labeler.web.templates.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "labeler.web.shell.theme",
            ],
        },
    }
]

AUTHENTICATION_BACKENDS = ["labeler.accounts.backends.WithPreference"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "projects"
LOGOUT_REDIRECT_URL = "login"

# Sessions in PostgreSQL: when the broker forgets everything, nobody is logged out.
SESSION_ENGINE = "labeler.accounts.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
HTTPS = env_bool("LABELER_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_SSL_REDIRECT = env_bool("LABELER_SSL_REDIRECT", True)
# Read by labeler.web.middleware.ProxyHeaders alone. Not Django's SECURE_PROXY_SSL_HEADER, which believes the first
# entry of the header: that one a client can write.
BEHIND_PROXY = env_bool("LABELER_BEHIND_PROXY", False)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "blob:", "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("TZ") or "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("LABELER_STATIC") or DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "labeler.web.staticfiles.HashedStaticFiles"},
}
MEDIA_ROOT = MEDIA_DIR
FILE_UPLOAD_PERMISSIONS = 0o640
# No file of a form is read before a view has seen who sends it; it lies in a folder of ours then.
FILE_UPLOAD_HANDLERS = ["labeler.intake.incoming.RefuseFiles"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
SILENCED_SYSTEM_CHECKS = ["files.E001"]  # that the folder is there: it is made when the first file comes
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# Images in: what is refused. Pixels are counted before decoding, bytes while reading.
MAX_IMAGE_PIXELS = env_int("LABELER_MAX_IMAGE_PIXELS", 50_000_000)
MAX_IMAGE_BYTES = env_int("LABELER_MAX_IMAGE_BYTES", 100 * 1024 * 1024)
# Buckets that imports may read with the server's own credentials (AWS_ACCESS_KEY_ID and its kin), none by default.
S3_BUCKETS = [part for part in os.environ.get("LABELER_S3_BUCKETS", "").replace(",", " ").split() if part]
S3_ENDPOINT = os.environ.get("LABELER_S3_ENDPOINT", "")  # of another provider than Amazon
# Where browsers reach the same buckets: originals that stayed in one are then fetched from there, by addresses of five
# minutes. Without it the server passes them on.
S3_PUBLIC_ENDPOINT = os.environ.get("LABELER_S3_PUBLIC_ENDPOINT", "")
MAX_ARCHIVE_BYTES = env_int("LABELER_MAX_ARCHIVE_BYTES", 20 * 1024**3)
# MB in each process (labeler/intake/budget.py). A web process has 120 without any: it stays below 1 GB.
MEMORY_FOR_IMAGES = env_int("LABELER_MEMORY_FOR_IMAGES", 700)
if MEMORY_FOR_IMAGES < 64:
    raise ImproperlyConfigured("LABELER_MEMORY_FOR_IMAGES is a number of megabytes, at least 64.")

# Hosts ("host" or "host:port") and networks ("10.1.0.0/16", on any port) that webhooks and imports of addresses may
# ask wherever they are; all others must be of the internet at large.
OUTGOING_ALLOW = env_list("LABELER_OUTGOING_ALLOW")

# Grams of CO2 per kWh, for the cards of models: the world's mean of 2024 (IEA, Electricity 2025), unless set.
CARBON_G_PER_KWH = env_int("LABELER_CARBON_G_PER_KWH", 445)

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 500}}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.TokenAuthentication", "api.authentication.Session"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.SignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Labeler",
    "VERSION": "1",
    "DESCRIPTION": "Several people label images, and a model learns from them while they work.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # Two shapes have it, and other shapes another `method`: the generator cannot name it by itself.
    "ENUM_NAME_OVERRIDES": {
        "ConsensusMethodEnum": "api.shapes.METHODS",
        "QuestionKindEnum": "labeler.models.drawn.Question.Kind",
        "LabelsEnum": "labeler.labeling.label_arrays.LABELS",
        "ReleaseLabelsEnum": "labeler.models.release.ReleaseLabels",
        # Of messages, and of all long work: both have a `state`.
        "DeliveryStateEnum": "labeler.models.webhook.DeliveryState",
        "StateEnum": "labeler.models.job.State",
    },
    "SCHEMA_PATH_PREFIX": r"/api/",
}

LOG_FORMAT = os.environ.get("LABELER_LOG_FORMAT", "plain")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "labeler.web.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LABELER_LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "django.utils.autoreload": {"level": "WARNING"}},
}
