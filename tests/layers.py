"""Layers built by hand or drawn at random, for what adds them up."""

from __future__ import annotations

from hypothesis import strategies as st

from convinspect.report import Layer, LayerMemory


def layer(depth: int, **own: int | None) -> Layer:
    params, macs, buffers = own.get("params") or 0, own.get("macs", 0), own.get("buffers") or 0
    return Layer(
        path="p",
        call=own.get("call", 1) or 0,
        kind="module",
        type="Block",
        depth=depth,
        leaf=False,
        inputs=(),
        outputs=(),
        params=params,
        trainable_params=params // 2,
        buffers=buffers,
        param_bytes=4 * params,
        buffer_bytes=8 * buffers,
        params_total=params,
        shared_with=None,
        macs=macs,
        macs_total=macs,
        macs_status="exact" if macs is not None else "unknown",
        memory=LayerMemory(own.get("allocated", 0), 0),
        receptive_field=None,
    )


@st.composite
def trees(draw: st.DrawFn) -> tuple[Layer, ...]:
    rows = [layer(0, params=draw(st.integers(0, 99)))]
    for _ in range(draw(st.integers(0, 25))):
        rows.append(
            layer(
                draw(st.integers(1, rows[-1].depth + 1)),
                params=draw(st.integers(0, 99)),
                buffers=draw(st.integers(0, 99)),
                macs=draw(st.none() | st.integers(0, 99)),
                allocated=draw(st.none() | st.integers(0, 99)),
                call=draw(st.integers(0, 2)),
            )
        )
    return tuple(rows)
