"""The report page in a browser: quiet, equal to report.json, usable by keyboard and at 400 px."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.running.browser import ask
from tests.support.values.conversions import FLOAT, INTEGERS, conversion
from tests.support.values.reports import (
    long_report,
    planned_report,
    renamed,
    report_of,
    small_report,
)
from tests.support.values.small_boards import small_board
from tinyml.model.file import read_model
from tinyml.model.reader import load
from tinyml.plan.fit import short_name
from tinyml.project.everywhere import complete
from tinyml.report.around import Around, around_of
from tinyml.report.charts import used_at
from tinyml.report.energy import battery_hours, energy_of
from tinyml.report.families import family_of
from tinyml.report.page import render, write_report
from tinyml.report.quantization import quantization_of
from tinyml.report.report import Report
from tinyml.target.boards import load_board

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
RESNET = ROOT / "tests" / "models" / "pretrainedResnet_quant.tflite"

TABLES = """
const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim());
return Object.fromEntries([...document.querySelectorAll("[data-table]")].map((table) =>
  [table.dataset.table, [...table.tBodies].flatMap((body) => [...body.rows].map(cells))]));
"""


def digits_report() -> Report:
    return report_of(load(read_model(DIGITS)), load_board("nucleo_l4r5zi"))


def number(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.browser
def test_figures_are_those_of_the_report(tmp_path: Path) -> None:
    report = digits_report()
    found = ask(render(report), TABLES, tmp_path)
    assert len(found["layers"]) == len(report.layers)
    for row, layer in zip(found["layers"], report.layers, strict=True):
        assert row[2] == short_name(layer.name)
        assert row[3] == "\N{MULTIPLICATION SIGN}".join(map(str, layer.shape))
        numbers = [number(row[i]) for i in (0, 4, 6, 7, 9, 13, 14)]
        assert numbers == [
            layer.index,
            layer.macs,
            layer.predicted_instructions,
            layer.instructions,
            layer.cycles,
            layer.weights_bytes,
            layer.scratch_bytes,
        ]
        assert number(row[10]) == pytest.approx((layer.time_us or 0) / 1000, abs=5e-4)
    for row, memory in zip(found["predicted"], report.memory, strict=False):
        assert row[0] == f"{memory.region}, bytes"
        wanted = [memory.predicted_bytes, memory.linked_bytes, memory.budget_bytes]
        assert [number(row[i]) for i in (1, 2, 4)] == wanted
    flash = report.flash
    assert flash is not None
    assert {row[0]: number(row[1]) for row in found["parts"]} == flash.parts
    assert {row[0]: number(row[1]) for row in found["kernels"]} == flash.kernels
    assert sum(number(row[2]) for row in found["kinds"]) == sum(
        layer.cycles or 0 for layer in report.layers
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1280])
def test_quantisation_is_as_convert_measured_it(width: int, tmp_path: Path) -> None:
    report = small_report()
    document = conversion(report.model["file"], report.model["sha256"])
    around = Around(quantization_of(json.dumps(document), report.model["sha256"]))
    question = f"""const tables = (() => {{ {TABLES} }})();
    return {{ tables, content: document.documentElement.scrollWidth,
      matrices: [...document.querySelectorAll(".matrix tbody")].map((body) =>
        [...body.rows].map((row) => [...row.cells].slice(1).map((c) => c.textContent))) }};"""
    found = ask(render(report, around), question, tmp_path, width=width)
    assert found["content"] <= width
    assert [
        [[0 if text == "\N{MIDDLE DOT}" else int(text) for text in row] for row in matrix]
        for matrix in found["matrices"]
    ] == [INTEGERS, FLOAT]
    (score,) = found["tables"]["score"]
    held = document["quality"]["score"]
    assert [float(text) for text in score[1:5]] == [
        held["in_float"],
        held["in_integers"],
        held["drop"],
        held["samples"],
    ]
    assert [row[0] for row in found["tables"]["worst-layers"]] == ["second", "first"]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1280])
def test_what_stands_beside_is_as_it_was_planned(width: int, tmp_path: Path) -> None:
    report = digits_report()
    build = tmp_path / "build"
    build.mkdir()
    (build / DIGITS.name).write_bytes(DIGITS.read_bytes())
    write_report(replace(report, fingerprint="0" * 12), build)
    write_report(report, build)
    complete(report, build)
    around = around_of(report, build)
    question = f"""const tables = (() => {{ {TABLES} }})();
    const form = document.getElementById("battery");
    const days = [[675, 3600, 10], [7500, 60, 2.5], [100, 1e12, 0]].map(([mwh, rate, sleep]) => {{
      Object.assign(form.elements.mwh, {{ value: mwh }});
      form.elements.rate.value = rate; form.elements.sleep.value = sleep;
      form.dispatchEvent(new Event("input")); return form.elements.days.value; }});
    return {{ tables, days, content: document.documentElement.scrollWidth }};"""
    found = ask(render(report, around), question, tmp_path, width=width)
    assert found["content"] <= width
    assert around.beside is not None
    assert found["tables"]["boards"] == [list(row) for row in around.beside.boards_table().rows]
    assert around.runtimes is not None
    assert found["tables"]["runtimes"] == [list(row) for row in around.runtimes.rows]
    assert [row[0] for row in found["tables"]["history"]] == ["now", "0001"]
    energy = energy_of(report)
    assert energy is not None
    for text, (mwh, rate, sleep) in zip(
        found["days"], ((675, 3600, 10), (7500, 60, 2.5), (100, 1e12, 0)), strict=True
    ):
        days = battery_hours(energy, mwh, rate, sleep / 1000) / 24
        assert number(text.removesuffix(" days")) == pytest.approx(days, abs=0.051)


@pytest.mark.browser
def test_the_page_carries_the_report(tmp_path: Path) -> None:
    report = digits_report()
    question = 'return JSON.parse(document.getElementById("report").textContent)'
    found = ask(render(report), question, tmp_path)
    assert found == json.loads(json.dumps(report.to_json()))


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_sticks_out(width: int, tmp_path: Path) -> None:
    question = """
    const inside = (e) => !e.closest(".scroll") && !e.closest("svg") && !e.closest(".flame");
    const out = [...document.body.querySelectorAll("*")].filter((e) => inside(e)
      && e.getBoundingClientRect().right > innerWidth + 1);
    return { width: innerWidth, content: document.documentElement.scrollWidth,
      out: out.map((e) => e.outerHTML.slice(0, 80)) };
    """
    found = ask(render(digits_report()), question, tmp_path, width=width)
    assert found["width"] == width
    assert found["content"] <= width
    assert found["out"] == []


BOXES = """
const text = (g, n) => [...g.querySelectorAll("text")].map((t) => t.textContent)[n];
const boxes = [...document.querySelectorAll("#network [data-layer]")];
const sticking = boxes.filter((g) => { const all = g.getBoundingClientRect();
  const box = g.querySelector("rect").getBoundingClientRect();
  return all.width > box.width + 3; }).map((g) => g.textContent);
const first = boxes[0]; first.dispatchEvent(new MouseEvent("click", { bubbles: true }));
const panel = document.getElementById("layer");
return { sticking, width: document.documentElement.scrollWidth,
  rows: boxes.map((g) => [Number(g.dataset.layer), text(g, 1), text(g, 2), text(g, 3), text(g, 4)]),
  colours: boxes.map((g) => g.getAttribute("class")), hidden: panel.hidden,
  blocks: document.querySelectorAll(".blocks > *").length,
  facts: [...panel.children].map((row) => [...row.children].map((e) => e.textContent)),
  top: [...document.querySelectorAll("[data-table=heaviest] tbody tr")].map(
    (row) => Number(row.dataset.layer)) };
"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("width", "model"), [(400, DIGITS), (1280, DIGITS), (1280, RESNET)])
def test_the_network_is_drawn_as_the_report_has_it(width: int, model: Path, tmp_path: Path) -> None:
    report = report_of(load(read_model(model)), load_board("nucleo_l4r5zi"))
    found = ask(render(report), BOXES, tmp_path, width=width)
    assert found["sticking"] == []
    assert found["width"] <= width
    assert [row[0] for row in found["rows"]] == [layer.index for layer in report.layers]
    for (_, time, name, shape, ram), layer in zip(found["rows"], report.layers, strict=True):
        assert number(time.removesuffix(" ms")) == round((layer.time_us or 0) / 1000, 3)
        assert short_name(layer.name).startswith(name.removesuffix("\N{HORIZONTAL ELLIPSIS}"))
        assert shape == "\N{MULTIPLICATION SIGN}".join(map(str, layer.shape[1:]))
        assert number(ram.removesuffix(" B")) == used_at(report.arena.placed, layer.index)
    assert [names.split()[0] for names in found["colours"]] == [
        f"k{family_of(layer.op)}" for layer in report.layers
    ]
    assert not found["hidden"]
    facts = dict(found["facts"])
    assert facts["kernel"] == report.layers[0].kernel
    assert facts["reads"] == "input 0"
    assert number(facts["cycles"]) == report.layers[0].cycles
    heavy = sorted(report.layers, key=lambda layer: (-(layer.cycles or 0), layer.index))
    wanted = [layer.index for layer in heavy][:10] if len(report.layers) > 16 else []
    assert found["top"] == wanted


@pytest.mark.browser
def test_a_hundred_layers_are_blocks_that_open(tmp_path: Path) -> None:
    report = long_report(120)
    found = ask(render(report), BOXES, tmp_path, width=400)
    assert [row[0] for row in found["rows"]] == list(range(120))
    assert 120 / 12 <= found["blocks"] <= 120 / 6
    assert found["width"] <= 400
    assert len(found["top"]) == 10


@pytest.mark.browser
def test_long_words_of_a_model_stay_on_a_phone(tmp_path: Path) -> None:
    """A layer's long name in an advice made the page wider than a phone."""
    word = "functional_1_1/" + "stage3_block7_project_1_" * 6
    report = replace(small_report(), problems=(word,))
    document = conversion(report.model["file"], report.model["sha256"], labels=(word, word))
    document["quality"]["suggestions"] = [{"text": word, "option": ""}]
    document["calibration"]["warnings"] = [word]
    document["calibration"]["source"] = document["model"]["producer"] = word
    around = Around(quantization_of(json.dumps(document), report.model["sha256"]), notes=(word,))
    question = "return document.documentElement.scrollWidth"
    assert ask(render(report, around), question, tmp_path, width=400) <= 400


@pytest.mark.browser
def test_charts_and_tables_obey_the_keyboard(tmp_path: Path) -> None:
    question = """
    const charts = [...document.querySelectorAll("[data-chart]")].map((chart) => {
      const stops = chart.querySelectorAll('[role=option][tabindex="0"]');
      const press = (key) => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      const read = () => chart.querySelector(".readout").textContent;
      stops[0].focus();
      const first = read();
      press("ArrowRight");
      const second = read();
      press("End"); press("ArrowRight"); press("Home");
      return { stops: stops.length, first, second, again: read() };
    });
    const table = document.querySelector("table.sortable");
    const button = [...table.tHead.querySelectorAll("button")].find(
      (item) => item.textContent === "cycles");
    button.click();
    const down = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
    button.click();
    const up = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
    return { charts, down, up, sort: button.parentElement.getAttribute("aria-sort") };
    """
    report = digits_report()
    found = ask(render(report), question, tmp_path)
    assert len(found["charts"]) == 4
    for chart in found["charts"]:
        assert chart["stops"] == 1
        assert chart["first"] != chart["second"]
        assert chart["first"] == chart["again"]
    cycles = [report.layers[int(index)].cycles or 0 for index in found["down"]]
    assert cycles == sorted(cycles, reverse=True)
    assert found["up"] == found["down"][::-1]
    assert found["sort"] == "ascending"


@pytest.mark.browser
def test_dark_when_asked_for(tmp_path: Path) -> None:
    question = "return getComputedStyle(document.documentElement).backgroundColor"
    page = render(planned_report())
    light = ask(page, question, tmp_path / "light", dark=False)
    dark = ask(page, question, tmp_path / "dark", dark=True)
    assert light == "rgb(255, 255, 255)"
    assert dark != light


@pytest.mark.browser
def test_names_from_a_model_are_text_not_markup(tmp_path: Path) -> None:
    name = "</script><script>parent.evil = 1</script><img src=x onerror=alert(1)>\"'&"
    page = render(report_of(renamed(small_network(), name), small_board(sram=65536)))
    question = """return { images: document.images.length, evil: typeof parent.evil,
      names: JSON.parse(document.getElementById("report").textContent).layers.map((l) => l.name) }
    """
    found = ask(page, question, tmp_path)
    assert found["images"] == 0
    assert found["evil"] == "undefined"
    assert set(found["names"]) == {name}


@pytest.mark.browser
@pytest.mark.parametrize(
    "make", [planned_report, lambda: small_report(spread=True)], ids=["planned", "profiled"]
)
def test_page_of_what_is_known_so_far(make: Any, tmp_path: Path) -> None:
    found = ask(render(make()), TABLES, tmp_path)
    assert len(found["layers"]) == len(found["choices"])
    assert ("spread" in found) == ("parts" in found)


@pytest.mark.browser
@pytest.mark.slow
def test_a_real_model_gives_a_small_page_that_opens(tmp_path: Path) -> None:
    page = render(report_of(load(read_model(RESNET)), load_board("nucleo_l4r5zi")))
    assert len(page.encode()) < 2_000_000
    assert ask(page, "return document.body.offsetHeight", tmp_path) > 500


def test_the_same_report_gives_the_same_page() -> None:
    assert render(small_report()) == render(small_report())
