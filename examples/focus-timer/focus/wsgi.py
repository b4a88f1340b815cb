"""For gunicorn: `gunicorn focus.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "focus.settings")
application = get_wsgi_application()
