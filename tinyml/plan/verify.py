"""An independent second opinion on a plan: nothing here uses the planner's own code.

Live ranges are computed anew from the graph, every pair of values that is alive at the same step
is compared byte for byte, and where a kernel's output shares memory with its input the kernel's
reads and writes are held against each other where they come closest. Whether the plan fits its
board's budget is asked in ``tinyml.plan.fit``; here the sums must be right.
"""

from __future__ import annotations

from tinyml import ops
from tinyml.base.errors import PlanError
from tinyml.ir.graph import Op
from tinyml.ir.parts import parts_of_ops
from tinyml.ops.traits import Variable
from tinyml.plan.extents import check_extents
from tinyml.plan.overlaps import check_overlap
from tinyml.plan.values import Placement, Plan
from tinyml.plan.verify_bounds import Claim, check_bounds
from tinyml.plan.verify_control import verify_control
from tinyml.plan.verify_halves import verify_halves
from tinyml.plan.verify_stream import verify_stream
from tinyml.target.board import Board


def verify(plan: Plan, board: Board) -> None:
    """Returns when the plan is sound on this board; raises PlanError naming what is not."""
    claims = [*_tensor_claims(plan), *_scratch_claims(plan)]
    _check_operands(plan)
    _check_forms(plan)
    _check_parts(plan)
    _check_variables(plan)
    check_bounds(plan, board, claims)
    for number, step in enumerate(plan.steps):
        if step.call is not None and step.call.stream is not None:
            verify_stream(plan, number)
        if step.call is not None and step.call.control is not None:
            verify_control(step.call, plan.graph.ops[step.ops[0]], plan.graph, f"step {number}")
        check_extents(plan, number)
        if step.call is not None:
            verify_halves(step.call, plan.graph.ops[step.ops[0]], plan.graph, f"step {number}")
    views = _views(plan)
    for i, a in enumerate(claims):
        for b in claims[i + 1 :]:
            if is_clash(a.at, b.at) and not _is_allowed(plan, views, a, b):
                raise PlanError(f"two values would share memory: {a}, and {b}")


def _check_forms(plan: Plan) -> None:
    """Raises PlanError for a kernel that is not for the types of its op's operands."""
    for number, step in enumerate(plan.steps):
        if step.call is None:
            continue
        stream = step.call.stream
        parts = (
            [(stage.op, stage.call) for stage in stream.stages if stage.op >= 0]
            if stream is not None
            else [(step.ops[-1], step.call)]
        )
        for op, call in parts:
            form = ops.find_form(plan.graph.ops[op], plan.graph)
            name = form.name if form is not None else "none"
            if call is not None and call.form != name:
                raise PlanError(
                    f"step {number}: {call.function} is of form '{call.form}', "
                    f"'{plan.graph.ops[op].name}' of {name}"
                )


def _check_parts(plan: Plan) -> None:
    """Raises PlanError for a step that computes something of two models, which run alone, too."""
    if not plan.graph.parts:
        return
    owners = parts_of_ops(plan.graph)
    for number, step in enumerate(plan.steps):
        if len({owners[op] for op in step.ops}) > 1:
            raise PlanError(f"step {number} is of two models")


def is_clash(a: Placement, b: Placement) -> bool:
    """Whether two placements share a byte at the same time."""
    return (
        (a.region, a.is_state) == (b.region, b.is_state)
        and a.first_use <= b.last_use
        and b.first_use <= a.last_use
        and a.offset < b.offset + b.nbytes
        and b.offset < a.offset + a.nbytes
    )


def _tensor_claims(plan: Plan) -> list[Claim]:
    """Placements of all tensors, after comparing them with the uses that the steps make."""
    uses: dict[int, list[int]] = {i: [-1] for i in plan.graph.inputs}
    assigned = {item.first for item in plan.graph.carried}
    for op in plan.graph.ops:
        kept = (i for i in op.inputs if i >= 0 and plan.graph.tensors[i].is_variable)
        uses |= {i: [-1] if i in assigned else [-1, len(plan.steps)] for i in kept}
    for number, step in enumerate(plan.steps):
        for op in (plan.graph.ops[i] for i in step.ops):
            overwritten = op.inputs[0] if _is_assignment(op) else -1
            for i in (*op.inputs, *op.outputs):
                if i >= 0 and i != overwritten and not plan.graph.tensors[i].is_constant:
                    uses.setdefault(i, []).append(number)
    for i in plan.graph.results:
        uses.setdefault(i, []).append(len(plan.steps))
    inner = _inner_tensors(plan)
    claims = []
    for i, (tensor, placement) in enumerate(zip(plan.graph.tensors, plan.tensors, strict=True)):
        is_needed = i in uses and i not in inner and not tensor.is_constant
        if placement is None and is_needed:
            raise PlanError(f"'{tensor.name}' is used but has no place in memory")
        if placement is None:
            continue
        if not is_needed:
            raise PlanError(f"'{tensor.name}' has a place in memory but no use for it")
        claim = Claim(f"'{tensor.name}'", placement, i)
        if (placement.first_use, placement.last_use) != (min(uses[i]), max(uses[i])):
            raise PlanError(f"{claim}, is used from step {min(uses[i])} to {max(uses[i])}")
        if placement.nbytes != tensor.nbytes:
            raise PlanError(f"{claim}, needs {tensor.nbytes} bytes")
        claims.append(claim)
    return claims


def _is_assignment(op: Op) -> bool:
    """Whether the op's output is the next value of the variable that is its first operand."""
    trait = ops.trait_of(op.kind, Variable)
    return trait is not None and trait.is_written


def _inner_tensors(plan: Plan) -> set[int]:
    """Tensors that are only passed on within a fused step."""
    graph = plan.graph
    inner: set[int] = set()
    for step in plan.steps:
        if len(step.ops) > 1:
            made = {i for op in step.ops[:-1] for i in graph.ops[op].outputs}
            others = (op for n, op in enumerate(graph.ops) if n not in step.ops)
            inner |= made - {i for op in others for i in op.inputs}
    return inner - set(graph.results)


def _scratch_claims(plan: Plan) -> list[Claim]:
    claims = []
    for number, step in enumerate(plan.steps):
        needed = step.call.scratch_bytes if step.call is not None else 0
        found = step.scratch.nbytes if step.scratch is not None else 0
        if found != needed:
            raise PlanError(f"step {number} needs {needed} bytes of scratch, the plan has {found}")
        if step.scratch is None:
            continue
        claim = Claim(f"scratch of step {number}", step.scratch)
        if (step.scratch.first_use, step.scratch.last_use) != (number, number):
            raise PlanError(f"{claim}, is used at step {number} only")
        claims.append(claim)
    return claims


def _check_operands(plan: Plan) -> None:
    """Every op is computed once, in order, and calls take only what exists."""
    done = [op for step in plan.steps for op in step.ops]
    if done != list(range(len(plan.graph.ops))):
        raise PlanError(f"the steps compute the ops {done} of {len(plan.graph.ops)}, in that order")
    for number, step in enumerate(plan.steps):
        if step.call is None:
            continue
        first, last = plan.graph.ops[step.ops[0]], plan.graph.ops[step.ops[-1]]
        constants = {constant.name for constant in step.call.constants}
        for item in step.call.arguments:
            tensors = last.outputs if item.kind == "output" else first.inputs
            if item.kind in ("input", "output", "state"):
                tensor = tensors[item.index] if 0 <= item.index < len(tensors) else -1
                if tensor < 0 or plan.tensors[tensor] is None:
                    raise PlanError(
                        f"step {number}: {step.call.function} takes {item.kind} {item.index}, "
                        "which has no place in memory"
                    )
            elif item.kind == "constant" and item.constant not in constants:
                raise PlanError(
                    f"step {number}: {step.call.function} takes the constant '{item.constant}', "
                    "which it does not have"
                )


def _check_variables(plan: Plan) -> None:
    """The values of a variable lie in one place, which is none of the arena's."""
    for i in plan.graph.variables:
        place = plan.tensors[i]
        if place is not None and not place.is_state:
            raise PlanError(f"the variable '{plan.graph.tensors[i].name}' lies in the arena")
    for op in filter(_is_assignment, plan.graph.ops):
        if _where(plan, op.outputs[0]) != _where(plan, op.inputs[0]):
            raise PlanError(f"'{op.name}' assigns a variable that lies somewhere else")


def _views(plan: Plan) -> dict[int, int]:
    """The tensor whose bytes each tensor is, through steps that compute nothing."""
    root = {i: i for i in range(len(plan.graph.tensors))}
    for step in plan.steps:
        if step.call is None:
            op = plan.graph.ops[step.ops[0]]
            given = op.inputs[1] if _is_assignment(op) else op.inputs[0]
            root[op.outputs[0]] = root[given]
            if _where(plan, op.outputs[0]) != _where(plan, given):
                raise PlanError(f"'{op.name}' is a view of its input but lies somewhere else")
    return root


def _where(plan: Plan, tensor: int) -> tuple[str, bool, int, int] | None:
    placement = plan.tensors[tensor]
    if placement is None:
        return None
    return placement.region, placement.is_state, placement.offset, placement.nbytes


def _is_allowed(plan: Plan, views: dict[int, int], a: Claim, b: Claim) -> bool:
    """Whether two claims that share bytes may do so."""
    if a.tensor < 0 or b.tensor < 0:
        return False
    if views[a.tensor] == views[b.tensor]:
        return True
    early, late = (a, b) if a.at.first_use < b.at.first_use else (b, a)
    number = late.at.first_use
    if early.at.last_use != number or not 0 <= number < len(plan.steps):
        return False
    step = plan.steps[number]
    if step.call is None or late.tensor != plan.graph.ops[step.ops[-1]].outputs[0]:
        return False
    op = plan.graph.ops[step.ops[0]]
    operands = [k for k, i in enumerate(op.inputs) if i >= 0 and views[i] == views[early.tensor]]
    allowed = {item.input for item in step.call.overlaps}
    for k in operands:
        if k not in allowed:
            return False
        check_overlap(step.call, k, plan.graph, early, late)
    return bool(operands)
