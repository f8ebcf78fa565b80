# SPDX-License-Identifier: Apache-2.0
"""The web server of a stack: the sample site file of conf/ with its SITE lines changed, included
by a small main configuration that an administrator has from his distribution."""

import grp
import os
import shutil

from . import programs
from .layout import TOP, all_may_enter, write_private
from .trouble import Trouble

KINDS = ("nginx", "apache")

# Not static in Debian's apache2; the same modules that a2enmod and Debian's defaults give.
_MODULES = ("mpm_event", "alias", "authn_core", "authz_core", "authz_host", "deflate", "env", "filter",
            "headers", "mime", "setenvif", "unique_id", "proxy", "proxy_fcgi", "reqtimeout")


def group():
    """The web server's group when we are root, for the pool's socket; else "" (one user does all)."""
    if os.geteuid() != 0:
        return ""
    try:
        return grp.getgrnam("www-data").gr_name
    except KeyError as error:
        raise Trouble("this system has no group www-data, which the web server is to run as",
                      "run the stack as an ordinary user instead of root") from error


def argv(layout, kind):
    if kind == "nginx":
        return [programs.find("nginx"), "-c", layout.path("nginx.conf"),
                "-e", layout.log("web"), "-g", "daemon off;"]
    return [programs.find("apache2", "httpd"), "-f", layout.path("apache.conf"), "-DFOREGROUND"]


def check_argv(layout, kind):
    """The command that only checks the configuration."""
    return argv(layout, kind)[:5] + ["-t"] if kind == "nginx" else argv(layout, kind)[:3] + ["-t"]


def page(build):
    """The directory with the page /reference: built there, or brought by a release; else None."""
    for place in (build, TOP):
        www = os.path.join(place, "app", "www", "built")
        if os.path.exists(os.path.join(www, "reference", "index.html")):
            return www
    return None


def _readable(layout, source, name, file="index.html"):
    """Where the web server, which may be another user, can read the directory `source`; `file` is one
    of its files."""
    if os.geteuid() != 0 or all_may_enter(os.path.join(source, file)):
        return source
    place = layout.socket(name)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place)
    for at, directories, files in os.walk(place):
        for entry in [".", *directories, *files]:
            os.chmod(os.path.join(at, entry), 0o644 if entry in files else 0o755)
    return place


def write(layout, kind, port, build):
    """Writes D/site.conf from the sample, and the main configuration around it. Without the page
    /reference, that is answered 404."""
    www = page(build)
    www = _readable(layout, www, "www") if www else layout.path("no-www")
    verify = _readable(layout, os.path.join(TOP, "app", "www", "verify"), "verify")
    embed = _readable(layout, os.path.join(TOP, "app", "www", "embed"), "embed", "embed.js")
    site = {"nginx": _nginx_site, "apache": _apache_site}[kind](layout, port, www, verify, embed)
    write_private(layout.path("site.conf"), site)
    main = {"nginx": _nginx_main, "apache": _apache_main}[kind](layout)
    write_private(layout.path(kind + ".conf"), main)


def _fill(sample, changes):
    """The sample with each (text, replacement) done; every text must be there exactly once."""
    path = os.path.join(TOP, "conf", sample)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror}") from error
    for old, new in changes:
        if text.count(old) != 1:
            raise Trouble(f"{path} holds the text `{old}` {text.count(old)} times; "
                          "the stack changes it and expects it once",
                          "tools/lib/stack/web.py and the sample must agree")
        text = text.replace(old, new)
    return f"# Made by tools/stack from conf/{sample}; a change here is lost at the next start.\n" \
        + text


def _nginx_site(layout, port, www, verify, embed):
    return _fill("nginx.conf.example", (
        ("server unix:/run/bonafide/bonafide.sock;", f"server unix:{layout.socket('fcgi.sock')};"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/var/log/nginx/bonafide.access.log", layout.log("access")),
        ("/var/log/nginx/bonafide.error.log", layout.log("web")),
        ("root /usr/share/bonafide/www;", f"root {www};"),
        ("root /var/www/html;", f"root {layout.socket('webroot')};"),
        ("alias /usr/share/bonafide/www/verify/;", f"alias {verify}/;"),
        ("alias /usr/share/bonafide/www/embed/;", f"alias {embed}/;"),
    ))


def _nginx_main(layout):
    temp = layout.socket("nginx")
    os.makedirs(temp, mode=0o711, exist_ok=True)
    os.chmod(temp, 0o711)
    names = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
    user = "user www-data www-data;\n" if os.geteuid() == 0 else ""
    return (f"{user}worker_processes 2;\npid {layout.path('run', 'nginx.pid')};\n"
            f"error_log {layout.log('web')} notice;\nworker_rlimit_nofile 8192;\n"
            "events { worker_connections 2048; }\nhttp {\n"
            + "".join(f"\t{name}_temp_path {temp}/{name};\n" for name in names)
            + f"\tinclude {layout.path('site.conf')};\n}}\n")


def _apache_site(layout, port, www, verify, embed):
    return _fill("apache.conf.example", (
        ("<VirtualHost *:80>", f"<VirtualHost 127.0.0.1:{port}>"),
        ("unix:/run/bonafide/bonafide.sock|", f"unix:{layout.socket('fcgi.sock')}|"),
        ("CustomLog /var/log/apache2/bonafide.access.log bonafide env",
         f"CustomLog {layout.log('access')} bonafide env"),
        ("CustomLog /var/log/apache2/bonafide.access.log bonafide_hidden",
         f"CustomLog {layout.log('access')} bonafide_hidden"),
        ("/var/log/apache2/bonafide.error.log", layout.log("web")),
        ('AliasMatch "^/reference/?$" /usr/share/bonafide/www/', f'AliasMatch "^/reference/?$" {www}/'),
        ("Alias /reference/ /usr/share/bonafide/www/", f"Alias /reference/ {www}/"),
        ("Alias /.well-known/ /var/www/html/.well-known/",
         f"Alias /.well-known/ {layout.socket('webroot')}/.well-known/"),
        ('AliasMatch "^/verify(/[^./]*)?$" /usr/share/bonafide/www/verify/',
         f'AliasMatch "^/verify(/[^./]*)?$" {verify}/'),
        ("Alias /verify/ /usr/share/bonafide/www/verify/", f"Alias /verify/ {verify}/"),
        ("Alias /embed/ /usr/share/bonafide/www/embed/", f"Alias /embed/ {embed}/"),
    )) + f"Listen 127.0.0.1:{port}\n"


def _apache_main(layout):
    place = _module_dir()
    load = "".join(f"LoadModule {name}_module {place}/mod_{name}.so\n" for name in _MODULES)
    # Debian builds these in; elsewhere they are modules as well.
    load += "".join(
        f"<IfModule !{name}_module>\nLoadModule {name}_module {place}/mod_{name}.so\n</IfModule>\n"
        for name in ("unixd", "log_config"))
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    return (f"ServerRoot {layout.dir}\nDefaultRuntimeDir {layout.run}\n"
            f"PidFile {layout.path('run', 'apache.pid')}\n{load}{user}"
            f"ServerName localhost\nErrorLog {layout.log('web')}\nLogLevel notice\n"
            "TypesConfig /dev/null\nTimeout 40\nKeepAlive On\nMaxKeepAliveRequests 1000\nKeepAliveTimeout 5\n"
            "StartServers 2\nThreadsPerChild 25\nMaxRequestWorkers 150\n"
            f"Include {layout.path('site.conf')}\n")


def _module_dir():
    for place in ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules",
                  "/usr/libexec/apache2", "/usr/lib/httpd/modules"):
        if os.path.exists(os.path.join(place, "mod_proxy_fcgi.so")):
            return place
    raise Trouble("Apache's module mod_proxy_fcgi is not installed",
                  "`tools/deps stack` installs what a stack needs")
