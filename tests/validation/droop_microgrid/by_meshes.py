"""The three-inverter island once more: mesh currents, the frame of the first inverter, SciPy.

Nothing of the package is used. The network is written by its four meshes instead of its buses, so
that there are no constraints and no term to hold them; its frame is that of the first inverter, so
that there is no zero eigenvalue; derivatives are by complex step through plain arithmetic.
"""

from typing import Any

import numpy as np
from scipy.optimize import brentq, fsolve

W_N = 100.0 * np.pi
V_N, N_Q, W_C, FEED, C_F, L_F, R_F = 381.0, 1.3e-3, 31.41, 0.75, 50e-6, 1.35e-3, 0.1
K_PV, K_IV, K_PC, K_IC = 0.05, 390.0, 10.5, 16e3
L_C, R_C, L_LOAD = 0.35e-3, 0.03, 1e-3
R = np.diag([R_C, R_C, R_C, 0.23, 0.35, 25.0, 20.0])
L = np.diag([L_C, L_C, L_C, 0.1 / W_N, 0.58 / W_N, L_LOAD, L_LOAD])
# Branches (three couplings, lines 1-2 and 2-3, loads 1 and 3) by meshes: the three couplings and
# line 1-2 are free, all else follows.
MESHES = np.array(
    [
        [1.0, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 1, 0, 1],
        [1, 0, 0, -1],
        [0, 1, 1, 1],
    ]
)
MASS = np.linalg.inv(MESHES.T @ L @ MESHES)
DRAG = MESHES.T @ R @ MESHES


def rates(state: np.ndarray, droop: float) -> np.ndarray:
    """Rates of [P, Q, phi, gamma, i_l, v_o] x 3, of two angles and of the mesh currents."""
    own = state[:30].reshape(3, 10)
    angle = np.array([0.0 * state[0], state[30], state[31]])
    mesh_d, mesh_q = state[32:36], state[36:40]
    p, q, phi_d, phi_q, gam_d, gam_q, il_d, il_q, vo_d, vo_q = own.T
    cos, sin = np.cos(angle), np.sin(angle)
    io_d = mesh_d[:3] * cos + mesh_q[:3] * sin
    io_q = mesh_q[:3] * cos - mesh_d[:3] * sin
    w = W_N - droop * p
    err_d, err_q = V_N - N_Q * q - vo_d, -vo_q
    ref_d = FEED * io_d - W_N * C_F * vo_q + K_PV * err_d + K_IV * phi_d
    ref_q = FEED * io_q + W_N * C_F * vo_d + K_PV * err_q + K_IV * phi_q
    vi_d = -W_N * L_F * il_q + K_PC * (ref_d - il_d) + K_IC * gam_d
    vi_q = W_N * L_F * il_d + K_PC * (ref_q - il_q) + K_IC * gam_q
    changes = np.array(
        [
            W_C * (vo_d * io_d + vo_q * io_q - p),
            W_C * (vo_q * io_d - vo_d * io_q - q),
            err_d,
            err_q,
            ref_d - il_d,
            ref_q - il_q,
            (vi_d - vo_d - R_F * il_d) / L_F + w * il_q,
            (vi_q - vo_q - R_F * il_q) / L_F - w * il_d,
            (il_d - io_d) / C_F + w * vo_q,
            (il_q - io_q) / C_F - w * vo_d,
        ]
    )
    zero = np.zeros(4, state.dtype)
    e_d = np.concatenate([vo_d * cos - vo_q * sin, zero])
    e_q = np.concatenate([vo_q * cos + vo_d * sin, zero])
    mesh_d_rate = MASS @ (MESHES.T @ e_d - DRAG @ mesh_d) + w[0] * mesh_q
    mesh_q_rate = MASS @ (MESHES.T @ e_q - DRAG @ mesh_q) - w[0] * mesh_d
    return np.concatenate([changes.T.ravel(), w[1:] - w[0], mesh_d_rate, mesh_q_rate])


def jacobian(state: np.ndarray, droop: float) -> np.ndarray:
    """By complex step."""
    columns = []
    for entry in range(40):
        shifted = state.astype(complex)
        shifted[entry] += 1e-20j
        columns.append(np.imag(rates(shifted, droop)) / 1e-20)
    return np.array(columns).T


def settled(droop: float) -> np.ndarray:
    """By SciPy's hybrid method from a flat start, polished by Newton's."""
    start = np.zeros(40)
    start[:30].reshape(3, 10)[:, [0, 6, 7, 8]] = [4300.0, 11.4, 6.0, V_N]
    start[32:35] = 11.4
    scale = np.abs(jacobian(start, droop)).max(axis=1)
    state: Any = fsolve(
        lambda x: rates(x, droop) / scale,
        start,
        fprime=lambda x: jacobian(x, droop) / scale[:, None],
        xtol=1e-10,
    )
    for _ in range(3):
        state = state - np.linalg.solve(jacobian(state, droop), rates(state, droop))
    return state


def eigenvalues(droop: float) -> np.ndarray:
    """At the steady state."""
    return np.linalg.eigvals(jacobian(settled(droop), droop))


def critical_droop() -> tuple[float, complex]:
    """Droop at which the least damped eigenvalue crosses, and that eigenvalue."""
    found: Any = brentq(lambda droop: np.real(eigenvalues(droop)).max(), 1.5e-4, 2.0e-4, xtol=1e-16)
    at = eigenvalues(found)
    return found, at[np.real(at).argmax()]
