"""Legal model files of any style, and edits of models, for property tests."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tdxtui import catalog
from tdxtui.cpuid import ALL_ONES, Field, Leaf, Register
from tdxtui.model import VcpuModel

BITS = [
    "1.ecx.3", "1.ecx.28", "1.edx.28", "7.0.ebx.4", "7.0.ebx.5", "7.0.ebx.16", "7.0.edx.4", "7.1.eax.4", "1.eax.14",
]
FIELDS = ["1.ebx[23:16]", "4.0.eax[4:0]", "4.0.eax[31:26]", "4.2.ecx", "80000008.eax[7:0]", "1.eax", "7.0.ebx"]
REGISTERS = ["1.eax", "7.0.ebx", "7.0.ebx[7:4]", "4.0.eax[31:14]", "1.ecx[3:0]", "4.3.edx[2:0]", "23.0.eax"]
NAMED = {
    "1.ecx.28": ["avx", "AVX", '"1.ecx.28"', "X86_FEATURE_AVX"], "7.0.ebx.4": ["hle", '"7.ebx.4"'],
    "7.0.ebx.16": ["avx512f", "AVX512F", "'avx512f'"], "1.ecx.3": ["monitor"], "7.0.ebx.5": ["avx2"],
    "7.0.edx.4": ["fsrm"], "1.edx.28": ["ht"],
}
WORDED = {
    "n_logical_cpu": ["8", "16", '"0x8"'], '"4.0.cache_type"': ['"data"', "'instruction'"],
    '"80000008.phys_addr_bits"': ["46", "52"], "family_model_stepping": ['"6/143/8"'], '"4.2.cache_nsets"': ["2048"],
}
BIT_NAMES = ["AVX", "avx512", "Pkru", "bit 45", "X87", "sse", "AMX"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A legal document: any table in any way of TOML, with comments, blank lines and line ends of any kind."""
    comments = iter(range(1000))

    def trail() -> str:
        return draw(st.sampled_from(["", "", " # c{}", "\t# c{}", " #c{}"])).format(next(comments))

    def between() -> list[str]:
        lines = draw(st.lists(st.sampled_from(["", "# c{}", "  # c{}"]), max_size=2))
        return [line.format(next(comments)) for line in lines]

    def lines(pairs: list[tuple[str, str]]) -> list[str]:
        equals = draw(st.sampled_from([" = ", "=", "  =  "]))
        out = []
        for key, value in pairs:
            out += [*between(), f"{draw(st.sampled_from(['', '  ']))}{key}{equals}{value}{trail()}"]
        return out

    top, later = list(between()), []
    newer = draw(st.booleans())
    tables = {"td": draw(_td(newer)), "features": draw(_features())}
    tables |= {"fields": draw(_fields()), "registers": draw(_registers())}
    has_new = newer or bool(tables["fields"])
    number = draw(st.sampled_from(["", "format = 2"] if has_new else ["", "format = 1", "format = 2"]))
    if number == "format = 1":
        del tables["fields"]
    top += [number + trail()] if number else []
    top += lines(draw(st.lists(st.sampled_from([
        ("name", "'web'"), ("description", '"""two\nlines"""'), ("module", '"1.5.06"'), ("platform", "''"),
    ]), unique_by=lambda pair: pair[0])))
    for table in draw(st.permutations(sorted(tables))):
        pairs = tables[table]
        way = draw(st.sampled_from(["header", "header", "header", "inline", "dotted", "none"]))
        if way == "inline":
            top.append(f"{table} = {{ {', '.join(f'{k} = {v}' for k, v in pairs if chr(10) not in v)} }}{trail()}")
        elif way == "dotted":
            top += lines([(f"{table}.{key}", value) for key, value in pairs])
        elif way == "header":
            later += [*between(), f"[{table}]{trail()}"]
            spread = [pair for pair in pairs if pair[1].startswith("{") and draw(st.booleans())]
            later += lines([pair for pair in pairs if pair not in spread])
            for key, value in spread:
                value_part, mask_part = value.strip("{ }").split(",")
                later += [*between(), f"[{table}.{key}]{trail()}", value_part.strip() + trail(), mask_part.strip()]
    text = "\n".join([*top, *later, *between()])
    text = text if draw(st.booleans()) else text + "\n"
    text = text.replace("\n", "\r\n") if draw(st.booleans()) else text
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


@st.composite
def _td(draw: st.DrawFn, newer: bool) -> list[tuple[str, str]]:
    names = st.lists(st.sampled_from(BIT_NAMES), max_size=4, unique=True)
    broken = "[\n  {}, # inside\n]"
    attributes = st.lists(st.sampled_from(["debug", "PKS", "bit 45"]), unique=True)
    lists = {"xfam": draw(names), "attributes": draw(attributes)}
    pairs = []
    for key, items in lists.items():
        quoted = [draw(st.sampled_from(["'{}'", '"{}"'])).format(item) for item in items]
        layout = draw(st.sampled_from(["[{}]", "[ {} ]", broken if items else "[{}]"]))
        pairs.append((key, layout.format(", ".join(quoted))))
    pairs += [("tsc_mhz", "2_000"), ("max_vcpus", "0x8"), ("arch_capabilities", "'0X80'")]
    if newer:
        pairs += [("mrconfigid", f"'{'aB' * 48}'"), ("mrowner", f'"{"+/aZ" * 16}"')]
    return draw(st.lists(st.sampled_from(pairs), unique=True))


@st.composite
def _features(draw: st.DrawFn) -> list[tuple[str, str]]:
    chosen = draw(st.lists(st.sampled_from(sorted(NAMED)), unique=True, max_size=5))
    return [(draw(st.sampled_from(NAMED[bit])), "false") for bit in chosen]


@st.composite
def _fields(draw: st.DrawFn) -> list[tuple[str, str]]:
    keys = draw(st.lists(st.sampled_from(sorted(WORDED)), unique=True, max_size=3))
    return [(key, draw(st.sampled_from(WORDED[key]))) for key in keys]


@st.composite
def _registers(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Only for bits that no other table of these texts speaks of, or with the value that those give."""
    ways = [
        ('"7.0.ebx"', '{ value = "0x0", mask = "0x30" }'), ("'7.0.ebx[7:4]'", "'0x0'"), ('"1.ecx[3:0]"', '"0x0"'),
        ('"4.3.edx[2:0]"', '"0X4"'), ('"23.0.eax"', '"0x0000000B"'), ('"4.3.ecx"', "{mask='0xFF',value='0x1F'}"),
        ('"CPUID.01H:EDX[28]"', '"0x0"'), ('"14.0.ebx"', '{ value = "0x0", mask = "0x0" }'),
        ('"4.3.eax[31:14]"', '"0x3f07f"'),
    ]
    return draw(st.lists(st.sampled_from(ways), unique=True, max_size=5))


@st.composite
def edits(draw: st.DrawFn, model: VcpuModel) -> VcpuModel:
    """The model after some edits, of what it says and of what it doesn't."""
    for _ in range(draw(st.integers(0, 5))):
        model = draw(_edit(model))
    return model


def _edit(model: VcpuModel) -> st.SearchStrategy[VcpuModel]:
    wished = [
        Field.bit(leaf, register, number).key
        for leaf, (_, mask) in model.wishes.items() for register in Register for number in range(32)
        if mask & Field.bit(leaf, register, number).mask
    ]
    bits = st.sampled_from([*BITS, *wished, *wished])
    values = st.none() | st.integers(0, 1)
    words = st.sampled_from([0, 3, 7, 0xE7, 0x602E7, 1 << 45 | 3])
    return st.one_of(
        st.builds(lambda bit, value: model.wish(Field.parse(bit), value), bits, values),
        st.builds(lambda bit, value: model.wish(Field.parse(bit), value), bits, values),
        st.builds(_whole, st.just(model), st.sampled_from(FIELDS + REGISTERS), st.none() | st.integers(0, 1 << 32)),
        st.builds(lambda xfam: replace(model, xfam=xfam), words),
        st.builds(lambda word: replace(model, attributes=word, config_flags=word & 7), words),
        st.builds(lambda name, module: replace(model, name=name, module=module), st.sampled_from(["a", "w"]),
                  st.sampled_from(["", "1.5.34", 'mo"d\'.toml'])),
        st.builds(lambda count, word: replace(model, max_vcpus=count, arch_capabilities=word),
                  st.integers(1, 9), st.none() | words),
        st.builds(lambda digest: replace(model, mrconfigid=digest, mrowner=b""), st.sampled_from([b"", bytes(48)])),
        st.just(replace(model, wishes={})),
        st.just(model.wish(Field.parse("1.eax"), ALL_ONES & 0xA06D1)),
    )


def _whole(model: VcpuModel, key: str, value: int | None) -> VcpuModel:
    field = Field.parse(key)
    return model.wish(field, None if value is None else value & (1 << field.width) - 1)


def leaves(model: VcpuModel) -> list[Leaf]:
    """The leaves that a model has wishes for."""
    return [leaf for leaf in model.wishes if catalog.title(leaf)]
