"""The defining properties of MATH's baselines (Gaunt et al. 2017, section 5.1; Kaiser and Sutskever 2016)."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from ntpt_pyro import Library
from ntpt_pyro.models.baselines import LSTM, NeuralGPU, Perceiving, symbol_vectors
from ntpt_pyro.models.nets import net_0, net_1

BUILD = {
    "lstm": lambda **more: LSTM(**{"hidden": 8, "dropout": 0.0, **more}),
    "neural-gpu": lambda **more: NeuralGPU(**{"filters": 6, "sets": 2, "dropout": 0.0, **more}),
}
FULL = {"lstm": LSTM, "neural-gpu": NeuralGPU}


def symbols(digits, tapes=3, seed=0):
    source = torch.Generator().manual_seed(seed)
    drawn = torch.randint(4, (tapes, 2 * digits - 1), generator=source)
    return symbol_vectors(drawn)


@pytest.fixture(autouse=True)
def same_weights():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", FULL)
def test_the_papers_size_can_be_built_and_every_parameter_learns(name):
    model = FULL[name]()
    sizes = {tuple(parameter.shape) for parameter in model.parameters()}
    if name == "lstm":
        assert model.cells.num_layers == 3
        assert (4 * 1024, 1024) in sizes
    else:
        assert (6, 2, 1024, 512, 3, 3) in sizes  # update and reset gates of 512 filters, six sets
    logits = model(symbols(digits=4, tapes=2))  # 7 symbols: all six sets take part
    assert logits.shape == (2, 19)
    cross_entropy(logits, torch.tensor([3, 7])).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("digits", [1, 2, 16])
def test_any_length_is_read_by_the_same_weights_and_every_symbol_counts(name, digits):
    model = BUILD[name]()
    tape = symbols(digits).requires_grad_()
    logits = model(tape)
    assert logits.shape == (3, 19)
    logits.square().sum().backward()
    assert (tape.grad.abs().sum(-1) > 0).all()


def test_known_symbols_are_one_hot_digits_and_operators_in_turn():
    vectors = symbol_vectors(torch.tensor([[9, 3, 0]]))
    assert vectors.argmax(-1).tolist() == [[9, 13, 0]]
    assert torch.equal(vectors.sum(-1), torch.ones(1, 3))


def test_the_lstm_is_taught_the_results_of_all_prefixes():
    model = BUILD["lstm"]()
    tape = symbols(digits=3)
    results = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    lengths = [model(tape[:, :place]) for place in (1, 3, 5)]
    one_by_one = [cross_entropy(logits, results[:, k]) for k, logits in enumerate(lengths)]
    torch.testing.assert_close(model.loss(tape, results), torch.stack(one_by_one).mean())
    last = BUILD["lstm"](prefixes=False)
    last.load_state_dict(model.state_dict())
    torch.testing.assert_close(last.loss(tape, results), one_by_one[-1])


def by_hand(model, tape):
    """A Neural GPU's image after its steps, by the equations, a cell at a time."""
    filters, width = model.embed.out_features, model.width
    image = torch.zeros(filters, width, len(tape))
    image[:, 0] = model.embed(tape).tanh().T

    def convolved(kernel, bias, of):
        out = torch.zeros(len(bias), width, len(tape))
        for x in range(width):
            for y in range(len(tape)):
                total = bias.clone()
                for dx in range(3):
                    for dy in range(3):
                        a, b = x + dx - 1, y + dy - 1
                        if 0 <= a < width and 0 <= b < len(tape):
                            total = total + kernel[:, :, dx, dy] @ of[:, a, b]
                out[:, x, y] = total
        return out

    for step in range(len(tape)):
        turn = step % len(model.gates_weight)
        for layer in range(model.gates_weight.shape[1]):
            gates = convolved(model.gates_weight[turn, layer], model.gates_bias[turn, layer], image)
            gates = (1.2 * gates.sigmoid() - 0.1).clamp(0, 1)
            update, reset = gates[:filters], gates[filters:]
            new = convolved(
                model.candidates_weight[turn, layer], model.candidates_bias[turn, layer], reset * image
            )
            image = update * image + (1 - update) * new.tanh()
    return model.classify(image[:, 0, -1])


@torch.no_grad()
def test_a_neural_gpu_computes_its_equations_as_many_steps_as_symbols():
    model = NeuralGPU(filters=3, width=2, sets=2, dropout=0.0)
    for parameter in model.parameters():
        parameter.mul_(4)  # so that gates reach their cutoff
    tape = symbols(digits=2, tapes=1)
    torch.testing.assert_close(model(tape)[0], by_hand(model, tape[0]))


def test_dropout_of_a_neural_gpu_is_shared_by_the_steps_and_only_in_training():
    model = BUILD["neural-gpu"](dropout=0.5)
    tape = symbols(digits=5)
    assert not torch.equal(model(tape), model(tape))
    model.eval()
    assert torch.equal(model(tape), model(tape))


def test_relaxed_parameters_are_drawn_together_and_become_one():
    model = BUILD["neural-gpu"](sets=3)
    tape, results = symbols(digits=4), torch.tensor([[1], [2], [3]])
    plain = model.loss(tape, results).item()
    model.pull = 0.5
    drawn = model.loss(tape, results).item()
    shared = [model.gates_weight, model.gates_bias, model.candidates_weight, model.candidates_bias]
    apart = sum(((one - one.mean(0)) ** 2).sum().item() for one in shared)
    assert drawn - plain == pytest.approx(0.5 * apart, rel=1e-4)
    means = [one.detach().mean(0) for one in shared]
    model.pull = 0.0
    model.unite()
    for one, mean in zip(shared, means, strict=True):
        assert torch.equal(one, mean.unsqueeze(0))
    torch.testing.assert_close(model.loss(tape, results), cross_entropy(model(tape), results[:, 0]))


def test_a_baseline_of_images_sees_both_networks_and_teaches_them():
    library = Library()
    for function in (net_0, net_1):
        library.add(function)
        library.steps[function.name] = 1
    model = Perceiving(library, BUILD["lstm"]())
    images = torch.rand(2, 3, 28, 28)
    assert model.embedded(images).shape == (2, 3, 14)
    torch.testing.assert_close(model.embedded(images).sum(-1), torch.full((2, 3), 2.0))
    model.loss(images, torch.tensor([[1, 2], [3, 4]])).backward()
    for name in ("net_0", "net_1"):
        assert all(parameter.grad.abs().sum() > 0 for parameter in library[name].parameters())
