"""A TorchScript model with its inputs and outputs, for the tests of the module djl.

Writes djl/src/test/resources/two_heads.pt and two_heads.json. Needs torch.
"""

import io
import json
import pathlib
import zipfile

import torch


class TwoHeads(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Linear(4, 8)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x, mask):
        hidden = torch.relu(self.body(x)) * mask
        return torch.softmax(self.head(hidden), -1), hidden.argmax(-1)


torch.manual_seed(7)
model = TwoHeads().eval()
x = torch.randn(2, 4)
mask = (torch.arange(8) % 3 != 0).float()
with torch.no_grad():
    probabilities, largest = model(x, mask)
folder = pathlib.Path(__file__).parent.parent / "djl/src/test/resources"
saved = io.BytesIO()
torch.jit.save(torch.jit.script(model), saved)
# Without where this file lies, which is there to explain errors.
with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(folder / "two_heads.pt", "w") as out:
    for entry in archive.infolist():
        if not entry.filename.endswith(".debug_pkl"):
            out.writestr(entry, archive.read(entry))
(folder / "two_heads.json").write_text(
    json.dumps(
        {
            "x": x.flatten().tolist(),
            "mask": mask.tolist(),
            "probabilities": probabilities.flatten().tolist(),
            "largest": largest.tolist(),
        },
        indent=1,
    )
    + "\n"
)
