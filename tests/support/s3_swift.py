#!/usr/bin/python3
"""s3_swift.py PORT DIR: a real S3 server, OpenStack Swift with its s3api, whole in one process on loopback.

Needs Debian's python3-swift and nothing that must be installed or started elsewhere: the four servers of Swift share
this process, the ring has one disk (DIR, which must be on a file system with user xattrs), and the cache is a dictionary
instead of memcached. s3api verifies signature V4. Key ID "test:fake", secret "fake-secret", bucket "test".
"""

import logging
import os
import sys

import eventlet
import eventlet.wsgi

eventlet.monkey_patch()

# pylint: disable=wrong-import-position
from swift.account.server import AccountController
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.storage_policy import POLICIES
from swift.common.swob import Request
from swift.common.wsgi import SwiftHttpProtocol, loadapp, make_pre_authed_env
from swift.container.server import ContainerController
from swift.obj.server import ObjectController

PROXY = """
[DEFAULT]
swift_dir = {base}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors gatekeeper proxy-logging s3api tempauth bulk slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:proxy-logging]
use = egg:swift#proxy_logging
access_log_facility = LOG_LOCAL7
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
check_bucket_owner = false
location = us-east-1
min_segment_size = 5242880
ratelimit_as_client_error = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_fake = fake-secret .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


class Cache:
    """What Swift asks of memcached."""

    def __init__(self):
        self.kept = {}

    def get(self, key, *_, **__):
        return self.kept.get(key)

    def set(self, key, value, *_, **__):
        self.kept[key] = value

    def incr(self, key, delta=1, *_, **__):
        self.kept[key] = int(self.kept.get(key, 0)) + delta
        return self.kept[key]

    def decr(self, key, delta=1, *_, **__):
        return self.incr(key, -delta)

    def delete(self, key, *_, **__):
        self.kept.pop(key, None)


def make_ring(base, name, port):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "disk", "weight": 1,
                     "replication_ip": "127.0.0.1", "replication_port": port, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(os.path.join(base, name + ".ring.gz"))


def serve(listener, app, logger):
    eventlet.wsgi.server(listener, app, log=logger, log_output=False, protocol=SwiftHttpProtocol)


def main():
    port, base = int(sys.argv[1]), os.path.abspath(sys.argv[2])
    os.makedirs(os.path.join(base, "devices", "disk"))
    with open(os.path.join(base, "swift.conf"), "w", encoding="utf-8") as conf:
        conf.write("[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n")
    utils.SWIFT_CONF_FILE = os.path.join(base, "swift.conf")
    utils.validate_hash_conf()
    POLICIES.get_by_index(0)
    settings = {"devices": os.path.join(base, "devices"), "swift_dir": base, "mount_check": "false",
                "fallocate_reserve": "0", "log_level": "ERROR"}
    logger = utils.get_logger({"log_level": "ERROR"}, name="swift")
    for name, make in (("account", AccountController), ("container", ContainerController), ("object", ObjectController)):
        listener = eventlet.listen(("127.0.0.1", 0))
        make_ring(base, name, listener.getsockname()[1])
        eventlet.spawn(serve, listener, make(settings), logger)
    path = os.path.join(base, "proxy.conf")
    with open(path, "w", encoding="utf-8") as conf:
        conf.write(PROXY.format(base=base))
    proxy, cache = loadapp(path, global_conf={"log_name": "proxy"}), Cache()

    def with_cache(env, start_response):
        env["swift.cache"] = cache
        return proxy(env, start_response)

    bucket = "/v1/AUTH_test/test"
    made = Request.blank(bucket, environ=make_pre_authed_env({}, "PUT", bucket)).get_response(with_cache)
    if made.status_int // 100 != 2:
        sys.exit(f"no bucket could be made: {made.status}")
    serve(eventlet.listen(("127.0.0.1", port)), with_cache, logger)


logging.disable(logging.WARNING)
main()
