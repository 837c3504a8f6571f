import subprocess
import sys

SCRIPT = """
import sys
from shiftscope.backbones import BACKBONES
from shiftscope.data import SOURCES, default_name
import shiftscope.extraction
[SOURCES[name].describes for name in SOURCES], [BACKBONES[name].describes for name in BACKBONES]
default_name("imagefolder:x")
heavy = {"torch", "torchvision", "timm", "PIL", "numba", "sklearn", "scipy", "ot", "matplotlib", "safetensors"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_looking_around_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
