"""JSON Merge Patch: the cases of RFC 7396's appendix A, and that nothing is changed in place."""

import json

import pytest

from producers.entity_service.merge_patch import merged

CASES = """
{"a":"b"}          | {"a":"c"}              | {"a":"c"}
{"a":"b"}          | {"b":"c"}              | {"a":"b","b":"c"}
{"a":"b"}          | {"a":null}             | {}
{"a":"b","b":"c"}  | {"a":null}             | {"b":"c"}
{"a":["b"]}        | {"a":"c"}              | {"a":"c"}
{"a":"c"}          | {"a":["b"]}            | {"a":["b"]}
{"a":{"b":"c"}}    | {"a":{"b":"d","c":null}} | {"a":{"b":"d"}}
{"a":[{"b":"c"}]}  | {"a":[1]}              | {"a":[1]}
["a","b"]          | ["c","d"]              | ["c","d"]
{"a":"b"}          | ["c"]                  | ["c"]
{"a":"foo"}        | null                   | null
{"a":"foo"}        | "bar"                  | "bar"
{"e":null}         | {"a":1}                | {"e":null,"a":1}
[1,2]              | {"a":"b","c":null}     | {"a":"b"}
{}                 | {"a":{"bb":{"ccc":null}}} | {"a":{"bb":{}}}
"""


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        pytest.param(*parts, id=" + ".join(parts[:2]))
        for line in CASES.strip().splitlines()
        for parts in [[part.strip() for part in line.split("|")]]
    ],
)
def test_patches_as_the_rfc_says(target, patch, result):
    before = json.loads(target)

    assert merged(before, json.loads(patch)) == json.loads(result)
    assert before == json.loads(target)
