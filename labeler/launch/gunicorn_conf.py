"""How the web server runs, for `manage.py up`, docker-compose.yml and the image alike. A flag of theirs goes before it.

docs/operator.md says what the limits mean for who runs it, docs/decisions/0012 why they are so.
"""

worker_class = "labeler.launch.web_worker.WebWorker"
threads = 4
timeout = 120
graceful_timeout = 10
keepalive = 30
worker_connections = 600

limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190

# No header speaks for a proxy here: the application reads what one says, and only with LABELER_BEHIND_PROXY.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

control_socket_disable = True
