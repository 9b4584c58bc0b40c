"""What a plan will need of each memory region, predicted before anything is compiled.

Weights and RAM are known exactly. Code is a sum of measured sizes: what every firmware of the board
needs, and the parts of the model's code (``tinyml.plan.code_size``).
"""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.ir.graph import Graph
from tinyml.ir.kernel import distinct_constant_bytes
from tinyml.plan.code_size import code_bytes, footprint
from tinyml.plan.values import Step, Use
from tinyml.target.board import Board

CODE = "code"
STACK = "stack"  # what a plan calls these uses
# Of flash, by goal; what floats in software take, and what is there twice beside an agent.
APPLICATION_BYTES = {"speed": 450, "size": 225}
SOFT_FLOAT_BYTES, BESIDE_AGENT_BYTES = 1_050, 320
LAYER_STATE_BYTES = 4  # of the agent per layer: the cycles it took


def predict(
    graph: Graph,
    steps: Sequence[Step],
    board: Board,
    optimize: str,
    agent: bool = True,
) -> tuple[Use, ...]:
    """The budget, line by line, but for the arena."""
    base = _base(board, _goal(optimize), agent)
    first = board.ram[0].region
    uses = []
    state = base["ram_bytes"] + runtime_state_bytes(graph, len(steps), agent=agent)
    uses.append(Use(first, "runtime", state))
    calls = [step.call for step in steps if step.call is not None]
    cores = 2 if any(call.halves for call in calls) else 1  # each with a stack of its own
    uses.append(Use(first, STACK, cores * board.stack_bytes))
    flash = board.flash.region
    first_values = (graph.tensors[i].initial for i in graph.variables)
    kept = sum(int(value.nbytes) for value in first_values if value is not None)
    uses.append(Use(flash, "weights", distinct_constant_bytes(calls) + kept))
    code = base["flash_bytes"] + code_bytes(calls, board.chip.core, optimize)
    uses.append(Use(flash, CODE, code))
    if not agent:
        uses.append(application_use(board, optimize))
    return tuple(uses)


def application_use(board: Board, optimize: str, *, agent: bool = False) -> Use:
    """What an application takes that runs the model and prints results.

    Beside an agent it is linked when there are samples, or the user's sensor, and not else.
    """
    nbytes = APPLICATION_BYTES[_goal(optimize)] + BESIDE_AGENT_BYTES * agent
    nbytes += 0 if "fpu_sp" in board.chip.isa else SOFT_FLOAT_BYTES
    return Use(board.flash.region, "application", nbytes)


def _goal(optimize: str) -> str:
    """For which of both goals sizes were measured."""
    return "size" if optimize == "size" else "speed"


def runtime_state_bytes(graph: Graph, layers: int, *, agent: bool) -> int:
    """RAM of the agent that depends on the model: outputs, cycles of layers, flags of inputs."""
    if not agent:
        return 0
    outputs = sum(graph.tensors[index].nbytes for index in graph.outputs)
    flags = -(-len(graph.inputs) // 4) * 4 - 4  # a byte each; the first word is in every firmware
    return LAYER_STATE_BYTES * layers + -(-outputs // 4) * 4 + flags


def _base(board: Board, optimize: str, agent: bool) -> dict[str, int]:
    """Flash and RAM of a firmware without model; that of the chip's likes for unknown boards."""
    measured = footprint().get("base", {})
    key = "agent" if agent else "bare"
    own = measured.get(board.name, {}).get(optimize)
    candidates = [own] if own else [item[optimize] for item in measured.values()]
    return {
        name: max((item[key][name] for item in candidates), default=0)
        for name in ("flash_bytes", "ram_bytes")
    }
