"""Trains the cadence network: python3 tools/ends/train.py OUT EXAMPLES…

EXAMPLES: what tools/ends/extract.ts wrote, without endings (EXAMPLES.txt, EXAMPLES.f32), in any number of parts. OUT:
src/session/turn-end/cadence-weights.ts. Who trains, who tunes and who is reported stands in bench/ends/speakers.json.
Needs python3-torch of Debian, and one thread, so that sums come in one order: OPENBLAS_NUM_THREADS=1 (which is also faster by far on
a busy machine: OpenBLAS waits for its threads in a loop).
"""
import base64
import json
import os
import sys

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
import numpy as np
import torch

FRAMES, BANDS, UNITS, EPOCHS, BATCH, RATE = 75, 10, 48, 14, 128, 4e-3
# Copies of each example that are cut off.
TAKES = 3
EXTRACTED_FRAMES = 100
INPUTS = BANDS + 3
LEAST_PAUSE_MS = 200
# The detector hears speech so much longer than it lasts (src/audio/vad/silero.ts).
TAIL_MS = 48
SPEAKERS = os.path.join(os.path.dirname(__file__), "../../bench/ends/speakers.json")


def load(parts):
    """Rows of (speaker, file, variant, ms; -1: an end) and their frames, in one order however they were extracted."""
    rows, frames = [], []
    for part in parts:
        some = [line.split() for line in open(part + ".txt")]
        rows += some
        frames.append(np.fromfile(part + ".f32", np.float32).reshape(len(some), EXTRACTED_FRAMES, BANDS + 2))
    order = sorted(range(len(rows)), key=lambda at: rows[at][:3])
    return [rows[at] for at in order], np.concatenate(frames)[order]


def inputs_of(frames):
    """What `cadenceInputs` makes of frames: levels and pitches relative to the same second and a half."""
    frames = frames[:, -FRAMES:]
    bands, pitch, periodicity = frames[:, :, :BANDS], frames[:, :, BANDS], frames[:, :, BANDS + 1]
    middle = np.sort(bands.mean(2), 1)[:, int((FRAMES - 1) * 0.95)] - 20
    bands = np.clip((bands - middle[:, None, None]) / 15, -3, 2)
    voiced = pitch > 0
    pitches = [np.sort(one[one > 0]) for one in pitch]
    median = np.array([one[len(one) >> 1] if len(one) else 1 for one in pitches])
    contour = np.where(voiced, np.clip(3 * np.log2(np.maximum(pitch, 1) / median[:, None]), -2, 2), 0)
    return np.concatenate([bands, np.stack([contour, periodicity, voiced], 2)], 2).astype(np.float32)


def varied(batch, rng):
    """Other microphones, rooms and lines: a tilt, a noise floor, and bands that a telephone does not carry."""
    batch = batch.copy()
    n = len(batch)
    bands = batch[:, :, :BANDS]
    slope = rng.normal(0, 0.25, (n, 1, 1)) * np.linspace(-1, 1, BANDS)
    bands += slope + rng.normal(0, 0.15, (n, 1, BANDS))
    floor = rng.uniform(-3.2, 0.2, (n, 1, 1)) + rng.normal(0, 0.3, (n, 1, BANDS))
    noise = floor + rng.normal(0, 0.15, bands.shape)
    noisy = np.log10(10 ** (1.5 * bands) + 10 ** (1.5 * noise)) / 1.5
    batch[:, :, :BANDS] = np.clip(np.where(rng.random((n, 1, 1)) < 0.7, noisy, bands), -3, 2)
    # A pitch is missed now and then, more often in noise.
    missed = rng.random(batch.shape[:2]) < rng.uniform(0, 0.15, (n, 1))
    batch[:, :, BANDS][missed] = 0
    batch[:, :, BANDS + 2][missed] = 0
    batch[:, :, BANDS + 1] *= rng.uniform(0.85, 1, (n, 1))
    return batch.astype(np.float32)


def cut_off(frames, rng):
    """
    The same voices as recordings have them whose ends somebody cut, and pauses: what is left of a voice fades out somewhere between 10
    and 34 dB below its loud frames, and the room comes at once. So a fading voice is no judge of an end.
    """
    out = frames.copy()
    levels = frames[:, :, :BANDS].mean(2)
    loud = np.sort(levels[:, -FRAMES:], 1)[:, int((FRAMES - 1) * 0.95)]
    for at in range(len(frames)):
        above = np.flatnonzero(levels[at] > loud[at] - rng.uniform(10, 34))
        last = above[-1] if len(above) else EXTRACTED_FRAMES - 8
        silent = int(rng.integers(6, 9))
        room = frames[at, EXTRACTED_FRAMES - 1 - rng.integers(0, 4, silent)]
        kept = frames[at, max(0, last + 1 - (EXTRACTED_FRAMES - silent)) : last + 1]
        # A frame of 32 ms that begins before the cut has something of both.
        room[0, :BANDS] = np.maximum(room[0, :BANDS], kept[-1, :BANDS] - rng.uniform(3, 12))
        whole = np.concatenate([kept, room])
        out[at, : EXTRACTED_FRAMES - len(whole)] = frames[at, 0]
        out[at, EXTRACTED_FRAMES - len(whole) :] = whole
    return out


class Cadence(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(INPUTS, UNITS, batch_first=True)
        self.head = torch.nn.Linear(UNITS, 1)
        self.drop = torch.nn.Dropout(0.25)

    def forward(self, x):
        _, last = self.gru(x)
        return self.head(self.drop(last[0]))[:, 0]


def trained(takes, over, pause_ms):
    """`takes`: the same examples several times, as they are and cut off; each epoch hears one of each."""
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    # Long pauses are the ones that matter.
    weight = np.where(over == 1, 1, np.clip(pause_ms / 500, 0.4, 1.5)).astype(np.float32)
    # Both kinds weigh alike, so that the output is the logarithm of how much likelier an end is than a pause.
    weight *= np.where(over == 1, weight[over == 0].sum() / (over == 1).sum(), 1).astype(np.float32)
    weight /= weight.mean()
    net = Cadence()
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.02)
    every = np.arange(len(over))
    for epoch in range(EPOCHS):
        rng.shuffle(every)
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - epoch / EPOCHS)
        total = 0.0
        for at in range(0, len(every), BATCH):
            some = every[at : at + BATCH]
            take = rng.integers(0, len(takes), len(some))
            said = net(torch.from_numpy(varied(takes[take, some], rng)))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                said, torch.from_numpy(over[some]), weight=torch.from_numpy(weight[some])
            )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            total += float(loss.detach()) * len(some)
        print(f"epoch {epoch}: {total / len(every):.4f}", flush=True)
    net.eval()
    return net


def quantised(net):
    """Eight bits a weight, one scale a tensor; the network itself is left as the relay will have it."""
    packed, scales = [], []
    gru, head = net.gru, net.head
    with torch.no_grad():
        for tensor in (gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0, head.weight, head.bias):
            scale = float(tensor.abs().max()) / 127
            small = torch.round(tensor / scale)
            tensor.copy_(small * scale)
            packed.append(small.numpy().astype(np.int8).tobytes())
            scales.append(scale)
    return base64.b64encode(b"".join(packed)).decode(), scales


def area(ends, pauses):
    """Area under the curve, ends against pauses."""
    ranks = np.concatenate([ends, pauses]).argsort().argsort() + 1
    return (ranks[: len(ends)].sum() - len(ends) * (len(ends) + 1) / 2) / (len(ends) * len(pauses))


def scored(net, inputs):
    with torch.no_grad():
        return np.concatenate([net(torch.from_numpy(inputs[at : at + 512])).numpy() for at in range(0, len(inputs), 512)])


def main(out, *parts):
    torch.set_num_threads(1)
    speakers = json.load(open(SPEAKERS))
    rows, frames = load(parts)
    inputs = inputs_of(frames)
    who, variant = np.array([row[0] for row in rows]), np.array([row[2] for row in rows])
    ms = np.array([float(row[3]) for row in rows])
    over = (ms < 0).astype(np.float32)
    pause_ms = np.where(ms < 0, -1, ms + TAIL_MS)
    train = np.isin(who, speakers["training"]) & ((over == 1) | (pause_ms >= LEAST_PAUSE_MS))
    rng = np.random.default_rng(2)
    takes = [inputs[train], *(inputs_of(cut_off(frames[train], rng)) for _ in range(TAKES))]
    net = trained(np.stack(takes), over[train], pause_ms[train])
    text, scales = quantised(net)
    score = scored(net, inputs)
    for name, some in (("trained on", np.isin(who, speakers["training"])), ("tuning", np.isin(who, speakers["tuning"]))):
        for kind in np.unique(variant[some]):
            these = some & (variant == kind) & ((over == 1) | (pause_ms >= 300))
            ends, pauses = score[these & (over == 1)], score[these & (over == 0)]
            taken = ", ".join(f"{q:.0%}: {(pauses > np.quantile(ends, 1 - q)).mean():.1%}" for q in (0.5, 0.7, 0.8, 0.9))
            print(f"{name}, {kind}: AUC {area(ends, pauses):.3f} of {len(ends)} + {len(pauses)}; pauses taken where ends are: {taken}")
    np.save(parts[0] + ".score.npy", score)
    with open(out, "w") as file:
        file.write("/** The cadence network, 8 bits a weight; written by tools/ends/train.py. */\n")
        file.write(f"export const UNITS = {UNITS};\n")
        file.write(f"export const SCALES: readonly number[] = [\n  {', '.join(f'{scale:.6g}' for scale in scales)},\n];\n")
        file.write(f'export const WEIGHTS: string =\n  "{text}";\n')


main(*sys.argv[1:])
