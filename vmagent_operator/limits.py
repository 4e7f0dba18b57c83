"""Every limit on what others may write, declared once: a name, a number, what it bounds and why that much.

What counts against a limit is looked at before anything is built from it; the message that names the limit stands on the
status of the object that exceeds it, and nobody else pays. `docs/limits.md` is this table, printed by the subcommand `limits`.

Numbers of vmagent are those of v1.150.0: the resident memory of `-dryRun` less the 15 MB that an empty file takes.
"""

from typing import Final

from attrs import frozen

KIB: Final = 1024
MIB: Final = 1024 * KIB


@frozen(eq=False, repr=False, slots=False)
class Limit(int):
    """A number that nobody may exceed: compared as the number that it is, named where somebody does.

    name: the constant. unit: what is counted. bounds: of what. why: why that much, with what was measured.
    """

    value: int
    unit: str
    name: str
    bounds: str
    why: str

    def __new__(cls, value: int, unit: str, **_: str) -> "Limit":
        return super().__new__(cls, value)

    @property
    def exceeded(self) -> str:
        """What is wrong with something beyond this limit; whoever says so puts the field before it."""
        return f"more than {self.value} {self.unit} (limit {self.name})"


# Text -------------------------------------------------------------------------------------------------------------------

EXPRESSION_CHARACTERS: Final = Limit(
    16 * KIB,
    "characters",
    name="EXPRESSION_CHARACTERS",
    bounds="a regular expression or series selector",
    why="Some 500 names of metrics to keep, joined; in public charts one has up to 3,200 characters. Whatever reads one takes time in "
    "proportion.",
)
QUANTITY_CHARACTERS: Final = Limit(
    64,
    "characters",
    name="QUANTITY_CHARACTERS",
    bounds="a duration or a size",
    why="The longest that says anything, 19 digits and a unit, has a third of that.",
)
EXPRESSION_NESTING: Final = Limit(
    100,
    "levels of parentheses",
    name="EXPRESSION_NESTING",
    bounds="a regular expression or series selector",
    why="Go refuses 1000 levels of its own, of which one pair can be several.",
)
EXPRESSION_SIZE: Final = Limit(
    20_000,
    "instructions",
    name="EXPRESSION_SIZE",
    bounds="a regular expression once it is compiled",
    why="vmagent takes 115 to 390 bytes for each, classes of Unicode more; `[a-z]{1,1000}` has 2000.",
)
TEMPLATE_STEPS: Final = Limit(
    1000,
    "expansions",
    name="TEMPLATE_STEPS",
    bounds="a series selector with WITH templates",
    why="Each template may name the one before twice, so that a few lines double as often.",
)
URL_CHARACTERS: Final = Limit(
    2048,
    "characters",
    name="URL_CHARACTERS",
    bounds="the URL of a proxy",
    why="Many servers take no longer ones.",
)
CACHED_CHARACTERS: Final = Limit(
    256,
    "characters",
    name="CACHED_CHARACTERS",
    bounds="a text that a cache keyed by text keeps",
    why="Caches outlive objects: 500 edits of a text of 0.9 MB would fill the operator's memory. Longer ones are rare.",
)
CREDENTIAL_CHARACTERS: Final = Limit(
    64 * KIB,
    "characters",
    name="CREDENTIAL_CHARACTERS",
    bounds="a text of a Secret or ConfigMap that stands in the configuration itself",
    why="It stands there once for each endpoint. Tokens have at most some 4 KiB; HTTP servers refuse headers of 64 KiB.",
)
JSON_NESTING: Final = Limit(
    100,
    "levels",
    name="JSON_NESTING",
    bounds="JSON that the API server sends",
    why="Kubernetes' own types stay below 40 levels; Python's parsers recurse, and 1,100 levels end a thread, 9,000 the process.",
)
YAML_NESTING: Final = Limit(
    100,
    "levels",
    name="YAML_NESTING",
    bounds="YAML that users write for vmagent, and manifests that `render` reads",
    why="vmagent's own configuration has at most 12 levels; parsers recurse.",
)
YAML_VALUES: Final = Limit(
    100_000,
    "values",
    name="YAML_VALUES",
    bounds="further jobs of an agent, before and after aliases are followed",
    why="A list of targets that fills a Secret has half of that. A million took 1.4 s and 144 MB, these 0.2 s and 40 MB.",
)
YAML_ALIASES: Final = Limit(
    1000,
    "aliases",
    name="YAML_ALIASES",
    bounds="further jobs of an agent",
    why="People name a dozen anchors; aliases of aliases multiply.",
)
YAML_CHARACTERS: Final = Limit(
    8 * MIB,
    "characters",
    name="YAML_CHARACTERS",
    bounds="further jobs of an agent, with aliases followed and lines indented",
    why="The text itself ends at 1 MiB with the Secret or custom resource; 80 kB of aliases made 400 MB.",
)
INFLATED_BYTES: Final = Limit(
    64 * MIB,
    "bytes",
    name="INFLATED_BYTES",
    bounds="what `render --decode-secrets` unpacks of one key",
    why="No configuration that fits into one Secret is larger; 0.7 MB can hold 700 MB.",
)

# One object -------------------------------------------------------------------------------------------------------------

OBJECT_PARTS: Final = Limit(
    20_000,
    "list elements that are objects",
    name="OBJECT_PARTS",
    bounds="the spec of a custom resource",
    why="Endpoints, rules, discoveries: 2,000 endpoints with nine rules each. Decoding that takes 0.1 s; 300,000 took 2 s.",
)
OBJECT_LABELS: Final = Limit(
    20_000,
    "entries of maps such as labels",
    name="OBJECT_LABELS",
    bounds="the spec of a custom resource",
    why="2,000 endpoints with ten labels each. Every label of a target is on each of its samples.",
)
OBJECT_JOBS: Final = Limit(
    2000,
    "endpoints",
    name="OBJECT_JOBS",
    bounds="a scrape object; each endpoint is a job",
    why="Building them takes 0.2 s, and 60 MB of vmagent (32 kB a job). The largest in use that we know of has 40.",
)
OBJECT_RULES: Final = Limit(
    30_000,
    "relabeling rules",
    name="OBJECT_RULES",
    bounds="the jobs of a scrape object, those that the operator adds included",
    why="2,000 jobs have 24,000 by themselves. A rule takes 6 kB of vmagent; 1,000 endpoints with 1,000 targetLabels made two million, "
    "in 12 kB of YAML, 4 s and 625 MB.",
)
OBJECT_TEXT_BYTES: Final = Limit(
    4 * MIB,
    "bytes of configuration",
    name="OBJECT_TEXT_BYTES",
    bounds="the jobs of a scrape object",
    why="2,000 endpoints of services have 2.3 MB, which take 0.25 s here.",
)
OBJECT_MEMORY_BYTES: Final = Limit(
    128 * MIB,
    "bytes of vmagent's memory",
    name="OBJECT_MEMORY_BYTES",
    bounds="the jobs of a scrape object, as counted in `scrape/checks/budget.py`: 14 for a byte of text, 2,600 a job, 720 a rule, 3,800 an "
    "expression, 150 for each character of it once repetitions are expanded, and 50,000 for a class far beyond ASCII such as `[^:]`",
    why="2,000 endpoints of services take 100 MB by that count, 80 MB in truth. `\\pL{1000}`, 9 bytes, takes 18 MB. `[^:]{900}` keeps "
    "vmagent busy for 8 s.",
)

# Files ------------------------------------------------------------------------------------------------------------------

ASSET_KEY_CHARACTERS: Final = Limit(
    253,
    "characters",
    name="ASSET_KEY_CHARACTERS",
    bounds="the name of a file made of namespace, Secret and key; a longer one is cut and gets a hash",
    why="The API server refuses the whole Secret for a longer key.",
)
ASSET_CHARACTERS: Final = Limit(
    512 * KIB,
    "characters",
    name="ASSET_CHARACTERS",
    bounds="a file (certificate, key, CA) of a scrape object",
    why="Twice the 220 kB of all public authorities, the largest bundle in use.",
)
SERIES_OF_A_TARGET: Final = Limit(
    10_000_000,
    "series",
    name="SERIES_OF_A_TARGET",
    bounds="`seriesLimit` of an endpoint",
    why="vmagent takes 2 bytes for each of them with the first scrape of a target, whether there are so many or not.",
)
OWNER_ASSETS_BYTES: Final = Limit(
    1_000_000,
    "bytes of files",
    name="OWNER_ASSETS_BYTES",
    bounds="all scrape objects of an agent, the names of the files counted three times",
    why="They are in one Secret, which ends at 1 MiB; names appear in its managed fields too. An object without room is left out.",
)

# One owner --------------------------------------------------------------------------------------------------------------

OWNER_TEXT_BYTES: Final = Limit(
    96 * MIB,
    "bytes of configuration",
    name="OWNER_TEXT_BYTES",
    bounds="an agent. Namespaces share it: while it is short, the next object is always taken from the namespace that has the least "
    "so far, the oldest first",
    why="50,000 objects of 2 KB; the operator holds it once. Compressed it is never more, so at most 192 Secrets of 512 KiB; usually "
    "a fiftieth.",
)
OWNER_MEMORY_BYTES: Final = Limit(
    4096 * MIB,
    "bytes of vmagent's memory",
    name="OWNER_MEMORY_BYTES",
    bounds="an agent, or its vmagent's memory limit if there is one (its own or the operator's default; none with `vpa`), counted as "
    "OBJECT_MEMORY_BYTES and shared as OWNER_TEXT_BYTES",
    why="10,000 services with an endpoint take 420 MB by that count, 325 MB in truth: they fit into the default of 500Mi.",
)
OWNER_JOBS: Final = Limit(
    100_000,
    "jobs",
    name="OWNER_JOBS",
    bounds="an agent; shared among namespaces as its text is",
    why="The smallest jobs have 118 bytes and take 3.6 kB of vmagent; OWNER_TEXT_BYTES would allow half a million.",
)
SHARDS: Final = Limit(
    1000,
    "shards",
    name="SHARDS",
    bounds="`shardCount` of an agent",
    why="Each is a workload of its own: 170 µs and 25 kB to render. 10,000 took 1.7 s and 246 MB, 2^31 all there is.",
)
REPLICAS: Final = Limit(
    1000,
    "replicas",
    name="REPLICAS",
    bounds="`replicaCount` of an agent, for each shard, and of a component of a VMCluster, whose `minReplicas` as well",
    why="Every replica scrapes and sends everything of its shard, and every storage node stands in the arguments of others; a cluster ends at 5,000 nodes.",
)
SCRAPE_CLASSES: Final = Limit(
    200,
    "scrape classes",
    name="SCRAPE_CLASSES",
    bounds="an agent",
    why="Each object looks its class up, one after the other: 10,000 objects take 0.1 s.",
)

TABLE: Final[tuple[Limit, ...]] = tuple(each for each in tuple(globals().values()) if isinstance(each, Limit))
"""Every limit, in the order of this module."""
