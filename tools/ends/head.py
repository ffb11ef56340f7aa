"""Fits the cadence network's last layer again: python3 tools/ends/head.py WEIGHTS.ts CALLS OTHERS

WEIGHTS.ts: src/session/turn-end/cadence-weights.ts, read and written. CALLS and OTHERS: what tools/ends/calls.ts wrote of the tuning
speakers of the bench and of the corpus, without endings; OTHERS weigh half. The recurrent layers stay; the 48 weights of the head are a
ridge logistic regression on what they hear at the silences of whole calls. Prints the area under the curve by five folds of speakers.
Needs numpy.
"""
import base64
import os
import re
import sys

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
import numpy as np

FRAMES, BANDS, INPUTS, LEAST_PAUSE_MS, RIDGE, FOLDS = 75, 10, 13, 250, 30, 5
WEIGHTS_OF_PARTS = (1, 0.5)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def read(path):
    """Units, scales and tensors of the network, and the text that holds them."""
    text = open(path).read()
    units = int(re.search(r"UNITS = (\d+)", text).group(1))
    scales = [float(one) for one in re.search(r"SCALES[^=]*= \[([^\]]*)\]", text).group(1).split(",") if one.strip()]
    raw = np.frombuffer(base64.b64decode(re.search(r'WEIGHTS[^"]*"([^"]*)"', text).group(1)), np.int8)
    shapes = [(3 * units, INPUTS), (3 * units, units), (3 * units,), (3 * units,), (units,), (1,)]
    bounds = np.cumsum([0] + [int(np.prod(shape)) for shape in shapes])
    tensors = [raw[a:b].reshape(shape) * scale for a, b, shape, scale in zip(bounds, bounds[1:], shapes, scales)]
    return text, units, scales, raw, tensors


def inputs_of(frames):
    """What `cadenceInputs` makes of frames."""
    frames = frames[:, -FRAMES:]
    bands, pitch, periodicity = frames[:, :, :BANDS], frames[:, :, BANDS], frames[:, :, BANDS + 1]
    middle = np.sort(bands.mean(2), 1)[:, int((FRAMES - 1) * 0.95)] - 20
    bands = np.clip((bands - middle[:, None, None]) / 15, -3, 2)
    voiced = pitch > 0
    pitches = [np.sort(one[one > 0]) for one in pitch]
    median = np.array([one[len(one) >> 1] if len(one) else 1 for one in pitches])
    contour = np.where(voiced, np.clip(3 * np.log2(np.maximum(pitch, 1) / median[:, None]), -2, 2), 0)
    return np.concatenate([bands, np.stack([contour, periodicity, voiced], 2)], 2)


def heard(tensors, units, x):
    of_inputs, of_state, bias_inputs, bias_state = tensors[:4]
    state = np.zeros((len(x), units))
    for frame in range(x.shape[1]):
        a, b = x[:, frame] @ of_inputs.T + bias_inputs, state @ of_state.T + bias_state
        reset, update = logistic(a[:, :units] + b[:, :units]), logistic(a[:, units : 2 * units] + b[:, units : 2 * units])
        fresh = np.tanh(a[:, 2 * units :] + reset * b[:, 2 * units :])
        state = (1 - update) * fresh + update * state
    return state


def fitted(states, over, weight):
    """Ridge logistic regression by Newton's method: the weights and the bias of the states as they are."""
    middle, spread = states.mean(0), states.std(0) + 1e-3
    z = np.c_[(states - middle) / spread, np.ones(len(states))]
    w = np.zeros(z.shape[1])
    for _ in range(30):
        p = logistic(z @ w)
        slope = z.T @ (weight * (p - over)) + RIDGE * np.r_[w[:-1], 0]
        w -= np.linalg.solve((z.T * (weight * p * (1 - p))) @ z + RIDGE * np.eye(len(w)), slope)
    return w[:-1] / spread, w[-1] - (w[:-1] / spread) @ middle


def area(ends, pauses):
    ranks = np.concatenate([ends, pauses]).argsort().argsort() + 1
    return (ranks[: len(ends)].sum() - len(ends) * (len(ends) + 1) / 2) / (len(ends) * len(pauses))


def main(path, *parts):
    text, units, scales, raw, tensors = read(path)
    who, kind, part, over, states, weight, used = [], [], [], [], [], [], []
    for index, name in enumerate(parts):
        rows = [line.split() for line in open(name + ".txt")]
        frames = np.fromfile(name + ".f32", np.float32).reshape(len(rows), 100, BANDS + 2)
        ms = np.array([float(row[3]) for row in rows])
        use, y = (ms < 0) | (ms >= LEAST_PAUSE_MS), (ms < 0).astype(float)
        share = y[use].mean()
        weight.append(np.where(y == 1, 0.5 / share, 0.5 / (1 - share)) * WEIGHTS_OF_PARTS[index])
        who += [row[0] for row in rows]
        kind += [row[2] for row in rows]
        part += [index] * len(rows)
        over.append(y)
        used.append(use)
        states.append(heard(tensors, units, inputs_of(frames)))
    who, kind, part = np.array(who), np.array(kind), np.array(part)
    over, states, weight, used = (np.concatenate(some) for some in (over, states, weight, used))
    before, folded = states @ tensors[4] + tensors[5], np.zeros(len(over))
    groups = {name: at % FOLDS for at, name in enumerate(sorted(set(who)))}
    fold = np.array([groups[name] for name in who])
    for out in range(FOLDS):
        w, bias = fitted(*(some[used & (fold != out)] for some in (states, over, weight)))
        folded[fold == out] = states[fold == out] @ w + bias
    for index, name in enumerate(parts):
        for one in ("hesitant", "fluent"):
            these = used & (part == index) & (kind == one)
            areas = [area(score[these & (over == 1)], score[these & (over == 0)]) for score in (before, folded)]
            print(f"{name}, {one}: AUC before {areas[0]:.3f}, by folds {areas[1]:.3f}")
    head, bias = fitted(states[used], over[used], weight[used])
    packed = raw[: -units - 1].tobytes()
    for tensor, at in ((head, 4), (np.array([bias]), 5)):
        scales[at] = float(np.abs(tensor).max()) / 127
        packed += np.round(tensor / scales[at]).astype(np.int8).tobytes()
    text = re.sub(r"(SCALES[^=]*= \[)[^\]]*\]", lambda found: found.group(1) + f"\n  {', '.join(f'{one:.6g}' for one in scales)},\n]", text)
    text = re.sub(r'(WEIGHTS[^"]*)"[^"]*"', lambda found: f'{found.group(1)}"{base64.b64encode(packed).decode()}"', text)
    open(path, "w").write(text.replace("written by tools/ends/train.py. */", "written by tools/ends/train.py, its head by head.py. */"))


main(*sys.argv[1:])
