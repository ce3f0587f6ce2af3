"""Finds guards: annotations, attached objects, and client certificates.

A possible guard counts as one: an annotation with certain words in its name, or an object that
is attached to others (`targetRefs`, selectors), unless its kind is known to be harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.gateway.cluster.guards import Guard, GuardTarget
from policies.gateway.output.report import Manifest
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import KeyOf

# Harmless annotations, mostly of tools that apply, watch or certify objects.
TOOLS = (
    *("kubectl.kubernetes.io/", "app.kubernetes.io/", "config.kubernetes.io/", "kubernetes.io/"),
    *("helm.sh/", "meta.helm.sh/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/"),
    *("external-dns.alpha.kubernetes.io/", "cert-manager.io/", "acme.cert-manager.io/"),
    *("kyverno.io/", "policies.kyverno.io/"),
    "konghq.com/upstream-policy",  # how Kong balances load
)
_TOKEN = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
# Words, and starts of words, in names of guards.
_WORDS = re.compile(
    "acl|allow(ed)?|block(ed)?|ca|captcha|certs?|cidr|client|csrf|deny|denied|digest|filters?"
    "|firewall|geo|guard|hmac|htpasswd|iap|internal|ip|jwks|keys?|ldap|limit(s|er)?|login|lua"
    "|modsecurity|mtls|owasp|permit|private|protocols|quota|ranges?|rate|rbac|restrict(ed)?|rpm"
    "|rps|saml|script|signature|snippets?|source|sso|tls|tokens?|verify|waf|wasm"
)
_STEMS = (
    *("auth", "oidc", "oauth", "jwt", "apikey", "whitelist", "allowlist", "blacklist", "denylist"),
    *("ratelimit", "throttl", "secur", "protect", "plugin", "middleware", "polic", "access"),
)
_HARMLESS = frozenset(("author", "authors"))
# Words of kinds whose objects protect what they select, or a whole namespace.
_KINDS = ("auth", "jwt", "oidc", "waf", "apikey", "ratelimit")
# Attached objects about connections, health or logs, which deny no access.
_NO_GUARDS = (
    *("BackendLBPolicy", "BackendTLSPolicy", "HealthCheckPolicy", "LoadBalancerConfiguration"),
    *("ObservabilityPolicy", "ProxySettingsPolicy", "TargetGroupConfiguration", "Telemetry"),
    *("UpstreamSettingsPolicy", "XBackendTrafficPolicy"),
)
# Kinds that are guards only where a filter or an annotation names them.
_NAMED = re.compile(r".*(Filter|Plugin|Middleware|Consumer|ConsumerGroup)|PeerAuthentication")
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def is_guard(name: str) -> bool:
    """Return whether an annotation of that name may deny access."""
    if name.startswith(TOOLS):
        return False
    tokens = [token.lower() for token in _TOKEN.findall(name)]
    return any(
        _WORDS.fullmatch(token) is not None
        or (token not in _HARMLESS and any(stem in token for stem in _STEMS))
        for token in tokens
    )


def annotation_guards(
    manifest: Manifest, annotations: object, path: Path, targets: list[GuardTarget]
) -> Iterator[Guard]:
    """Yield the annotations of an object that may protect `targets`."""
    for name in annotations if isinstance(annotations, dict) else ():
        if is_guard(str(name)):
            what = f"the annotation `{shown(name)}`, which may restrict access,"
            yield Guard(manifest, (*path, KeyOf(name)), what, targets)


def attached_guard(manifest: Manifest, kind: str) -> Guard | None:
    """Return the guard that an object of another API is; None if it is none."""
    meta, spec = _mapping(manifest.value, "metadata"), _mapping(manifest.value, "spec")
    home = meta.get("namespace")
    home = home if isinstance(home, str) else None
    found = [*_targets(spec, home)]
    if _mapping(meta, "labels").get("global") in ("true", True):
        found = [GuardTarget("All")]
    elif not found and _guards_a_namespace(kind):
        found = [_selected(spec, home, kind)]
    if not found or kind in _NO_GUARDS:
        return None
    what = f"`{shown(kind)}` `{shown(meta.get('name', ''))}`"
    return Guard(manifest, ("kind",), what, found)


def _guards_a_namespace(kind: str) -> bool:
    text = kind.lower()
    return any(word in text for word in _KINDS) and not _NAMED.fullmatch(kind)


def _targets(spec: dict[str, object], home: str | None) -> Iterator[GuardTarget]:
    for name in ("targetRef", "targetRefs", "targetReference", "targetReferences"):
        if name in spec:
            value = spec[name]
            for reference in value if isinstance(value, list) else [value]:
                yield _target(reference, home)
    if "targetSelectors" in spec:
        value = spec["targetSelectors"]
        for reference in value if isinstance(value, list) else [value]:
            kind = reference.get("kind") if isinstance(reference, dict) else None
            # It is not always known which objects have the labels: any of the kind may.
            yield GuardTarget(kind if isinstance(kind, str) else "All", home)


def _target(value: object, home: str | None) -> GuardTarget:
    """Return the targets; a malformed reference may mean any object."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return GuardTarget("All")
    kind, name, space = value["kind"], value.get("name"), value.get("namespace", home)
    if kind == "GatewayClass":
        return GuardTarget("All")
    if kind == "Namespace":
        return GuardTarget("Namespace", None, name if isinstance(name, str) else home)
    section = value.get("sectionName")
    return GuardTarget(
        kind,
        space if isinstance(space, str) else None,
        name if isinstance(name, str) else None,
        section if isinstance(section, str) else None,
    )


def _selected(spec: dict[str, object], home: str | None, kind: str) -> GuardTarget:
    """Return the targets of an object that selects workloads, or its whole namespace."""
    labels = _mapping(_mapping(spec, "selector"), "matchLabels")
    if isinstance(gateway := labels.get(_GATEWAY_NAME), str):
        return GuardTarget("Gateway", home, gateway)
    root = home in (None, "istio-system") or kind.startswith("Cluster")
    return GuardTarget("All") if root else GuardTarget("Namespace", None, home)


def certificate_guards(manifest: Manifest, tls: object, owner: tuple[str, str]) -> Iterator[Guard]:
    """Yield the checks of client certificates on HTTPS ports of a Gateway (`spec.tls.frontend`)."""
    frontend = tls.get("frontend") if isinstance(tls, dict) else None
    if frontend is None:
        return
    what = "the check of client certificates"
    special = frontend.get("perPort") if isinstance(frontend, dict) else None
    entries = special if isinstance(special, list) else []
    ports = {
        listener["port"]
        for listener in entries
        if isinstance(listener, dict) and _is_port(listener)
    }
    base = ("spec", "tls", "frontend")
    if not isinstance(frontend, dict) or _asks(frontend.get("default")):
        yield Guard(
            manifest,
            base,
            what,
            [GuardTarget("Gateway", *owner, not_ports=frozenset(ports), https=True)],
        )
    for index, listener in enumerate(entries):
        if not isinstance(listener, dict) or not _is_port(listener):
            yield Guard(manifest, base, what, [GuardTarget("Gateway", *owner, https=True)])
        elif _asks(listener.get("tls")):
            target = GuardTarget("Gateway", *owner, port=listener["port"], https=True)
            yield Guard(manifest, (*base, "perPort", index), what, [target])


def listener_guards(
    manifest: Manifest, tls: object, path: Path, target: GuardTarget
) -> Iterator[Guard]:
    """Yield what a listener's `tls` requires of clients: a validation, or an option that may be
    one."""
    if not isinstance(tls, dict):
        return
    if tls.get("frontendValidation") is not None:
        what = "the check of client certificates"
        yield Guard(manifest, (*path, "frontendValidation"), what, [target])
    options = tls.get("options")
    for name, value in options.items() if isinstance(options, dict) else ():
        if is_guard(str(name).rpartition("/")[2]) or "mutual" in str(value).lower():
            what = f"the option `{shown(name)}`, which may require client certificates,"
            yield Guard(manifest, (*path, "options", KeyOf(name)), what, [target])


def _asks(tls: object) -> bool:
    """Return whether clients without a valid certificate are refused."""
    if tls is None:
        return False
    validation = tls.get("validation") if isinstance(tls, dict) else tls
    if validation is None:
        return False
    return not (isinstance(validation, dict) and validation.get("mode") == "AllowInsecureFallback")


def _is_port(entry: dict[str, object]) -> bool:
    port = entry.get("port")
    return isinstance(port, int) and not isinstance(port, bool)


def _mapping(value: object, name: str) -> dict[str, object]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
