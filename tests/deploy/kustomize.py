"""As much of kustomize as deploy/kubernetes uses: resources, JSON patches, images, a ConfigMap of files.

What it makes of the two overlays is what kustomize 5.5 makes of them. A key that is not known here fails,
so that nothing is passed over in silence.
"""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
_KNOWN = {
    "apiVersion",
    "configMapGenerator",
    "generatorOptions",
    "images",
    "kind",
    "namespace",
    "patches",
    "resources",
}


def build(folder: Path) -> list[Object]:
    """The objects that `kubectl apply -k` would apply."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    assert set(told) <= _KNOWN
    objects = [found for name in told["resources"] for found in _read(folder / name)]
    objects += [_config_map(folder, one) for one in told.get("configMapGenerator", [])]
    assert told.get("generatorOptions", {"disableNameSuffixHash": True}) == {
        "disableNameSuffixHash": True
    }
    for patch in told.get("patches", []):
        operations = yaml.safe_load((folder / patch["path"]).read_text("utf-8"))
        _patch(objects, patch["target"], operations)
    for found in objects:
        _name_images(found, {image["name"]: image for image in told.get("images", [])})
        if "namespace" in told:
            found["metadata"]["namespace"] = told["namespace"]
    return objects


def _read(path: Path) -> list[Object]:
    if path.is_dir():
        return build(path)
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def _config_map(folder: Path, told: Object) -> Object:
    files = [folder / name for name in told["files"]]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": told["name"]},
        "data": {file.name: file.read_text("utf-8") for file in files},
    }


def _patch(objects: list[Object], target: dict[str, str], operations: list[Object]) -> None:
    patched = [found for found in objects if _is_meant(found, target)]
    assert patched, f"{target} is nothing"
    for found in patched:
        for operation in operations:
            assert operation["op"] == "add"
            _add(found, operation["path"].split("/")[1:], copy.deepcopy(operation["value"]))


def _is_meant(found: Object, target: dict[str, str]) -> bool:
    return bool(
        re.fullmatch(target["kind"], found["kind"])
        and re.fullmatch(target.get("name", ".*"), found["metadata"]["name"])
    )


def _add(found: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for step in way:
        found = found[int(step)] if isinstance(found, list) else found[step]
    if isinstance(found, list):
        assert last == "-"
        found.append(value)
    else:
        found[last] = value


def _name_images(found: Object, images: dict[str, Object]) -> None:
    for container in containers_of(found):
        image = images.get(container["image"])
        if image is not None:
            container["image"] = f"{image['newName']}:{image['newTag']}"


def pod_of(found: Object) -> Object:
    """The template's spec; {} of what makes no pods."""
    pod: Object = found.get("spec", {}).get("template", {}).get("spec", {})
    return pod


def containers_of(found: Object) -> list[Object]:
    """Those that run, and those before them."""
    pod = pod_of(found)
    return [*pod.get("initContainers", []), *pod.get("containers", [])]
