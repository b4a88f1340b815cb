"""deploy/kubernetes: each object fits Kubernetes' schema, and all of them fit each other."""

import re
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it has none
import pytest

from jobrunner.settings import PART_NAMES, Settings
from tests.cli.calling import call
from tests.deploy.compose import REPOSITORY
from tests.deploy.kustomize import Object, build, containers_of, pod_of

FOLDER = REPOSITORY / "deploy" / "kubernetes"
OVERLAYS = {name: build(FOLDER / name) for name in ("configmap", "git-sync")}
OBJECTS = [found for objects in OVERLAYS.values() for found in objects]
PODS = [found for found in OBJECTS if pod_of(found)]
DEPLOYMENTS = [found for found in OBJECTS if found["kind"] == "Deployment"]
OURS = [
    (found, container)
    for found in PODS
    for container in containers_of(found)
    if container["image"].startswith("registry.example.com/jobrunner:")
]


def key_of(found: Object) -> str:
    return f"{found['kind']}/{found['metadata']['name']}"


def named(overlay: str, key: str) -> Object:
    return next(found for found in OVERLAYS[overlay] if key_of(found) == key)


def labels_of(found: Object) -> dict[str, str]:
    labels: dict[str, str] = found["spec"]["template"]["metadata"]["labels"]
    return labels


def pods_with(overlay: str, labels: dict[str, str]) -> list[str]:
    pods = [found for found in OVERLAYS[overlay] if pod_of(found)]
    return [key_of(found) for found in pods if labels.items() <= labels_of(found).items()]


of_objects = pytest.mark.parametrize("found", OBJECTS, ids=key_of)
of_pods = pytest.mark.parametrize("found", PODS, ids=key_of)
of_deployments = pytest.mark.parametrize("found", DEPLOYMENTS, ids=key_of)
of_overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@of_objects
@pytest.mark.parametrize("version", ["1.27", "1.37"])
def test_each_object_fits_the_schema(found: Object, version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_the_schema_knows_what_is_wrong() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"port": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


@of_overlays
def test_the_objects_are_those_of_the_design(overlay: str) -> None:
    assert {key_of(found) for found in OVERLAYS[overlay]} - {"ConfigMap/jobrunner-project"} == {
        "ConfigMap/jobrunner-settings",
        "Deployment/jobrunner-beat",
        "Deployment/jobrunner-watch",
        "Deployment/jobrunner-web",
        "Deployment/jobrunner-worker-default",
        "Deployment/jobrunner-worker-low",
        "Job/jobrunner-migrate",
        "NetworkPolicy/jobrunner",
        "NetworkPolicy/jobrunner-web",
        "PodDisruptionBudget/jobrunner-beat",
        "PodDisruptionBudget/jobrunner-web",
        "Service/jobrunner-web",
    }


@of_deployments
def test_a_deployment_finds_its_own_pods_and_no_others(found: Object) -> None:
    overlay = "configmap" if found in OVERLAYS["configmap"] else "git-sync"
    selected = found["spec"]["selector"]["matchLabels"]
    assert pods_with(overlay, selected) == [key_of(found)]


@pytest.mark.parametrize(
    ("key", "selector", "chosen"),
    [
        ("Service/jobrunner-web", ["spec", "selector"], "web"),
        ("PodDisruptionBudget/jobrunner-web", ["spec", "selector", "matchLabels"], "web"),
        ("PodDisruptionBudget/jobrunner-beat", ["spec", "selector", "matchLabels"], "beat"),
        ("NetworkPolicy/jobrunner-web", ["spec", "podSelector", "matchLabels"], "web"),
    ],
)
@of_overlays
def test_what_selects_pods_selects_the_ones_meant(
    overlay: str, key: str, selector: list[str], chosen: str
) -> None:
    found: Any = named(overlay, key)
    for step in selector:
        found = found[step]
    assert pods_with(overlay, found) == [f"Deployment/jobrunner-{chosen}"]


@of_overlays
def test_nobody_calls_a_pod_but_for_the_pages(overlay: str) -> None:
    closed = named(overlay, "NetworkPolicy/jobrunner")["spec"]
    assert len(pods_with(overlay, closed["podSelector"]["matchLabels"])) == 6
    assert (closed["policyTypes"], closed["ingress"]) == (["Ingress"], [])
    opened = named(overlay, "NetworkPolicy/jobrunner-web")["spec"]["ingress"]
    assert opened == [{"ports": [{"port": "http", "protocol": "TCP"}]}]


@of_overlays
def test_there_are_two_beats_on_two_machines_and_one_stays(overlay: str) -> None:
    beat = named(overlay, "Deployment/jobrunner-beat")
    assert beat["spec"]["replicas"] >= 2
    apart = pod_of(beat)["affinity"]["podAntiAffinity"]
    term = apart["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"].items() <= labels_of(beat).items()
    assert named(overlay, "PodDisruptionBudget/jobrunner-beat")["spec"]["minAvailable"] == 1


@of_pods
def test_no_pod_has_a_right_that_it_does_not_need(found: Object) -> None:
    pod = pod_of(found)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert [container["securityContext"] for container in containers_of(found)] == [
        {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    ] * len(containers_of(found))


@of_pods
def test_no_service_of_the_namespace_sets_one_of_our_variables(found: Object) -> None:
    assert pod_of(found)["enableServiceLinks"] is False


@of_pods
def test_it_runs_as_the_user_of_the_image(found: Object) -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    user = re.search(r"^USER (\d+)$", dockerfile, re.MULTILINE)
    assert user is not None
    assert pod_of(found)["securityContext"]["runAsUser"] == int(user[1])


@of_pods
def test_each_container_says_what_it_needs_and_what_it_may_have(found: Object) -> None:
    resources = [container["resources"] for container in containers_of(found)]
    assert [set(told["requests"]) for told in resources] == [{"cpu", "memory"}] * len(resources)
    assert [set(told["limits"]) for told in resources] == [{"memory"}] * len(resources)


@of_pods
def test_each_mount_has_its_volume_and_each_volume_a_mount(found: Object) -> None:
    mounted = {
        mount["name"] for container in containers_of(found) for mount in container["volumeMounts"]
    }
    assert {volume["name"] for volume in pod_of(found)["volumes"]} == mounted


@of_deployments
def test_each_process_is_looked_after_and_has_time_to_end(found: Object) -> None:
    container = pod_of(found)["containers"][0]
    assert {"readinessProbe", "livenessProbe"} <= set(container)
    assert pod_of(found)["terminationGracePeriodSeconds"] >= 15


@of_overlays
def test_workers_have_five_seconds_more_than_their_grace(overlay: str) -> None:
    settings = named(overlay, "ConfigMap/jobrunner-settings")["data"]
    grace = int(settings["JOBRUNNER_WORKER_GRACE_SECONDS"])
    workers = [found for found in OVERLAYS[overlay] if "-worker-" in found["metadata"]["name"]]
    assert [pod_of(found)["terminationGracePeriodSeconds"] >= grace + 5 for found in workers] == [
        True,
        True,
    ]


@of_overlays
def test_no_queue_is_served_by_two_groups_of_workers(overlay: str) -> None:
    workers = [found for found in OVERLAYS[overlay] if "-worker-" in found["metadata"]["name"]]
    arguments = [pod_of(found)["containers"][0]["args"] for found in workers]
    queues = [queue for words in arguments for queue in words[words.index("-Q") + 1].split(",")]
    assert sorted(queues) == ["default", "high", "low"]


@pytest.mark.parametrize(
    "typed",
    sorted(
        {" ".join(container.get("args", [])) for _, container in OURS}
        | {
            " ".join(container[probe]["exec"]["command"][1:])
            for _, container in OURS
            for probe in ("readinessProbe", "livenessProbe")
            if "exec" in container.get(probe, {})
        }
    ),
)
def test_each_command_and_probe_exists(typed: str) -> None:
    assert call(*typed.split(), "--help").exit_code == 0


def test_each_probe_over_http_is_a_route_of_the_pages() -> None:
    routes = (REPOSITORY / "tests" / "web" / "openapi.json").read_text(encoding="utf-8")
    probes = [container for _, container in OURS if "httpGet" in container.get("livenessProbe", {})]
    asked = {
        container[probe]["httpGet"]["path"]
        for container in probes
        for probe in ("readinessProbe", "livenessProbe")
    }
    assert asked == {"/api/v1/health", "/api/v1/health/ready"}
    assert [path for path in asked if f'"{path}"' not in routes] == []


@of_overlays
def test_each_variable_is_a_setting(overlay: str) -> None:
    settings = named(overlay, "ConfigMap/jobrunner-settings")["data"]
    given = {name.removesuffix("_FILE") for name in settings} | {
        variable["name"] for _, container in OURS for variable in container.get("env", [])
    }
    known = {f"JOBRUNNER_{field.upper()}" for field in Settings.model_fields}
    assert given <= known | set(PART_NAMES)


def test_no_password_is_in_any_of_them() -> None:
    assert {found["kind"] for found in OBJECTS} & {"Secret"} == set()
    assert [
        name for found in OBJECTS for name in found.get("data", {}) if name.endswith("WORD")
    ] == []


def test_the_project_in_the_config_map_is_valid(tmp_path: Any) -> None:
    data = named("configmap", "ConfigMap/jobrunner-project")["data"]
    watch = named("configmap", "Deployment/jobrunner-watch")
    volume = next(one for one in pod_of(watch)["volumes"] if one["name"] == "project")
    for item in volume["configMap"]["items"]:
        file = tmp_path / item["path"]
        file.parent.mkdir(exist_ok=True)
        file.write_text(data[item["key"]], encoding="utf-8")
    called = call("validate", folder=tmp_path, environ={"JOBRUNNER_CHECK_TASKS": "off"})
    assert (called.exit_code, "1 job" in called.stdout + called.stderr) == (0, True)


def test_who_needs_the_project_has_it_where_it_is_looked_for() -> None:
    for name in ("watch", "worker-default", "worker-low"):
        container = pod_of(named("git-sync", f"Deployment/jobrunner-{name}"))["containers"][0]
        assert container["env"] == [
            {"name": "JOBRUNNER_CONFIG", "value": "/git/current/jobrunner.yaml"}
        ]
        assert {"name": "project", "mountPath": "/git", "readOnly": True} in container[
            "volumeMounts"
        ]
        mounted = pod_of(named("configmap", f"Deployment/jobrunner-{name}"))["containers"][0]
        assert {"name": "project", "mountPath": "/project", "readOnly": True} in (
            mounted["volumeMounts"]
        )
