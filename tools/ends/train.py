"""Trains the cadence network: python3 tools/ends/train.py EXAMPLES HUMAN OUT

EXAMPLES: what tools/ends/extract.ts wrote (EXAMPLES.txt, EXAMPLES.f32). HUMAN: utterances.json of the benchmark: its
speakers are kept out. OUT: src/session/turn-end/cadence-weights.ts. Needs python3-torch and python3-sklearn of Debian.
"""
import base64
import json
import sys

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

FRAMES, BANDS, UNITS, EPOCHS, BATCH = 75, 10, int(sys.argv[4]) if len(sys.argv) > 4 else 24, 16, 128
INPUTS = BANDS + 3
LEAST_PAUSE_MS = 200

torch.manual_seed(1)
rng = np.random.default_rng(1)
torch.set_num_threads(2)

examples, human, out = sys.argv[1:4]
rows = [line.split() for line in open(examples + ".txt")]
speaker = np.array([int(row[0]) for row in rows])
pause = np.array([float(row[1]) for row in rows])
inputs = np.fromfile(examples + ".f32", np.float32).reshape(len(rows), FRAMES, INPUTS)
kept_out = {int(one["speaker"]) for one in json.load(open(human)) if one["id"].startswith("so-")}
over = (pause < 0).astype(np.float32)
known = (over == 1) | (pause >= LEAST_PAUSE_MS)
out_of_it = np.isin(speaker, list(kept_out))
# Of those that train, every tenth speaker tells how well it does on people it has not heard.
held = ~out_of_it & (speaker % 10 == 3)
train = np.where(known & ~out_of_it & ~held)[0]
# Long pauses are the ones that matter.
weight = np.where(over == 1, 1, np.clip(pause / 500, 0.4, 1.5)).astype(np.float32)
# Both kinds weigh alike, so that the output is the logarithm of how much likelier an end is than a pause.
weight[train] *= np.where(over[train] == 1, weight[train][over[train] == 0].sum() / (over[train] == 1).sum(), 1)


def varied(batch):
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


class Cadence(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(INPUTS, UNITS, batch_first=True)
        self.head = torch.nn.Linear(UNITS, 1)
        self.drop = torch.nn.Dropout(0.25)

    def forward(self, x):
        _, last = self.gru(x)
        return self.head(self.drop(last[0]))[:, 0]


net = Cadence()
optimiser = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=0.02)
for epoch in range(EPOCHS):
    rng.shuffle(train)
    net.train()
    for group in optimiser.param_groups:
        group["lr"] = 4e-3 * (1 - epoch / EPOCHS)
    for at in range(0, len(train), BATCH):
        some = train[at : at + BATCH]
        said = net(torch.from_numpy(varied(inputs[some])))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            said, torch.from_numpy(over[some]), weight=torch.from_numpy(weight[some])
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()

# Eight bits a weight, one scale a tensor.
packed, scales = [], []
with torch.no_grad():
    for tensor in (net.gru.weight_ih_l0, net.gru.weight_hh_l0, net.gru.bias_ih_l0, net.gru.bias_hh_l0, net.head.weight, net.head.bias):
        scale = float(tensor.abs().max()) / 127
        small = torch.round(tensor / scale)
        tensor.copy_(small * scale)
        packed.append(small.numpy().astype(np.int8).tobytes())
        scales.append(scale)

net.eval()
with torch.no_grad():
    score = net(torch.from_numpy(inputs)).numpy()
for name, who in (("trained on", ~out_of_it & ~held), ("held out", held), ("of the benchmark", out_of_it)):
    these = who & ((over == 1) | (pause >= 250))
    ends, pauses = score[these & (over == 1)], score[these & (over == 0)]
    taken = ", ".join(f"{q:.0%}: {(pauses > np.quantile(ends, 1 - q)).mean():.1%}" for q in (0.3, 0.5, 0.7, 0.8))
    print(f"{name}: AUC {roc_auc_score(over[these], score[these]):.3f} of {these.sum()}; pauses taken where ends are: {taken}")
np.save(examples + ".score.npy", score)
text = base64.b64encode(b"".join(packed)).decode()
with open(out, "w") as file:
    file.write("/** The cadence network, 8 bits a weight; written by tools/ends/train.py. */\n")
    file.write(f"export const UNITS = {UNITS};\n")
    file.write(f"export const SCALES: readonly number[] = [{', '.join(f'{scale:.6g}' for scale in scales)}];\n")
    file.write(f'export const WEIGHTS: string =\n  "{text}";\n')
