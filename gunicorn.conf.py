"""How gunicorn serves pages at scale; it reads this by itself. WEB_CONCURRENCY says how many workers."""

worker_class = "core.fair_worker.FairThreadWorker"
threads = 8
keepalive = 30  # seconds: proxies keep their connections
