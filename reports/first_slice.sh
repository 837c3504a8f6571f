#!/usr/bin/env bash
# Runs the commands of the first slice on the shared weights and pictures and prints what they print.
#     bash reports/first_slice.sh 2>&1 | sed "s#$(cd .. && pwd)#..#g; s/ *$//" > reports/first_slice.txt
# Needs an environment with shiftscope[test] on the PATH and ../shared/data beside the checkout; writes into out/,
# which git ignores.
cd "$(dirname "$0")/.." || exit 1
data=../shared/data
zoo=$data/weights/manifest.json
export SHIFTSCOPE_CACHE=out/cache COLUMNS=120
rm -rf out && mkdir -p out

run() { # print a command, run it, print its exit code and CPU seconds
  printf '\n$ %s\n' "$*"
  local TIMEFORMAT='(exit code %%s; %U s user, %S s system, %R s wall)'
  { time "$@"; } 2> out/stderr; local code=$?
  sed '$d' out/stderr
  tail -1 out/stderr | sed "s/%s/$code/"
}

echo "== The embedded demo"
run shiftscope demo -o out/demo

echo; echo "== The whole zoo on three targets, cold"
for target in "imagefolder:$data/images/pacs_sketch" "imagefolder:$data/images/trashnet" "npz:$data/arrays/mnist.npz"; do
  run shiftscope rank "$target" --backbone "checkpoint:$zoo#*" --backbone pixels: --trust-code --per-class 40 \
    -o "out/$(basename "${target%.npz}")"
done

echo; echo "== The first again: everything from the store, the same record apart from costs and provenance"
cp out/pacs_sketch/run.json out/cold.json
run shiftscope rank "imagefolder:$data/images/pacs_sketch" --backbone "checkpoint:$zoo#*" --backbone pixels: \
  --trust-code --per-class 40 -o out/pacs_sketch | tail -4
run python -c "
import json
cold, cached = (json.load(open(f)) for f in ('out/cold.json', 'out/pacs_sketch/run.json'))
print('differs in:', [k for k in cold if cold[k] != cached[k]])"
run python -c "
import json, jsonschema
jsonschema.validate(json.load(open('out/pacs_sketch/run.json')), json.load(open('docs/schema/run.json')))
print('run.json is valid against docs/schema/run.json')"

echo; echo "== ImageNet weights, a collapsed net and random copies on the four PACS domains"
names=(mnv1_025_imagenet mnv1_075_imagenet mnv1_100_imagenet_embed mnv2_100_imagenet mnv1_025_vww_person)
for domain in photo art_painting cartoon sketch; do
  run shiftscope rank "imagefolder:$data/images/pacs_$domain" "${names[@]/#/-bcheckpoint:$zoo#}" --trust-code \
    --per-class 40 -o "out/imagenet_$domain" | grep -E 'exit code|^\$|^ +[0-9–]+  (mnv|pixels)'
done

echo; echo "== Shift: photos against sketches, then halves of the photos"
run shiftscope shift "imagefolder:$data/images/pacs_photo" "imagefolder:$data/images/pacs_sketch" \
  -b "checkpoint:$zoo#mnv1_025_imagenet" --trust-code -o out/shift
run python - <<'PYTHON'
import numpy as np, shiftscope as ss
photo = ss.embed("imagefolder:../shared/data/images/pacs_photo",
                 "checkpoint:../shared/data/weights/manifest.json#mnv1_025_imagenet", trust_code=True)
flagged = 0
for split in range(100):
    order = np.random.default_rng(split).permutation(photo.n)
    pair = ss.Pair(photo.take(order[:420]), photo.take(order[420:]))
    flagged += ss.measures.mmd(pair, rng=split).pvalue <= 0.05
print(f"halves of pacs_photo called shifted at 0.05: {flagged} of 100")
PYTHON

echo; echo "== Start-up, CPU seconds, and heavy libraries that were imported"
for command in --help "ls measures" "ls backbones" "schema run" "report out/pacs_sketch/run.json -o out/again.html"; do
  run python -X importtime -m shiftscope $command > out/stdout 2> out/stderr
  { printf '%-48s' "shiftscope $command"; tail -1 out/stdout | sed 's/(exit code/ (exit code/'
    grep -hoE '\| +(torch|numba|sklearn|ot|scipy|matplotlib)$' out/stdout out/stderr | tr -d '| ' | tr '\n' ' '; echo; }
done

echo; echo "== Bad input: one line, exit code 2, nothing written"
mkdir -p out/bad/one/only out/bad/small/a out/bad/small/b
cp "$data"/images/pacs_sketch/dog/*1.jpg out/bad/one/only/
cp "$data"/images/pacs_sketch/dog/*1.jpg out/bad/small/a/
cp "$(ls "$data"/images/pacs_sketch/horse/*.jpg | head -1)" out/bad/small/b/
python - <<'PYTHON'
import json, shutil, numpy as np, torch
from pathlib import Path
bad, zoo = Path("out/bad"), Path("../shared/data/weights")
x = np.random.default_rng(0).normal(size=(20, 4)); y = np.arange(20) % 2
np.savez(bad / "nan.npz", x=np.where(x > 2, np.nan, x) if (x > 2).any() else x * np.nan, y=y)
np.savez(bad / "d4.npz", x=x, y=y); np.savez(bad / "d3.npz", x=x[:, :3], y=y)
(bad / "typo.toml").write_text('[targets]\na = "npz:a.npz"\n[measures.mmd]\nn_permutation = 99\n')
entry = next(e for e in json.loads((zoo / "manifest.json").read_text()) if e["name"] == "mnv2_035_flowers")
shutil.copy(zoo / entry["file"], bad / entry["file"])
class Evil:
    def __reduce__(self): return (print, ("code ran",))
torch.save({"w": Evil()}, bad / "evil.pth")
import hashlib
evil = hashlib.sha256((bad / "evil.pth").read_bytes()).hexdigest()
variants = {"sha": {"sha256": "0" * 64}, "outside": {"file": "../../../" + entry["file"]},
            "kwargs": {"kwargs": {"pretrained": True}}, "pickle": {"file": "evil.pth", "sha256": evil}}
(bad / "m.json").write_text(json.dumps([{**entry, "name": n, **v} for n, v in variants.items()]))
PYTHON
sketch="imagefolder:$data/images/pacs_sketch"
run shiftscope rank imagefolder:out/nowhere -b pixels: -b "checkpoint:$zoo#resnet8_cifar10" --trust-code -o out/x
run shiftscope rank imagefolder:out/bad/one -b "checkpoint:$zoo#resnet8_cifar10" --trust-code -o out/x
run shiftscope rank imagefolder:out/bad/small -b "checkpoint:$zoo#resnet8_cifar10" --trust-code -o out/x
run shiftscope rank features:out/bad/nan.npz -o out/x
run shiftscope shift features:out/bad/d4.npz features:out/bad/d3.npz -o out/x
run shiftscope rank "$sketch" -b torchvisoin:resnet18 -o out/x
run shiftscope rank "$sketch" -b "checkpoint:$zoo#resnet8_cifar" --trust-code -o out/x
run shiftscope rank "$sketch" -b "checkpoint:$zoo#resnet8_cifar10" --trust-code -m h-score -o out/x
run shiftscope run out/bad/typo.toml -o out/x
for name in sha outside kwargs pickle; do run shiftscope rank "$sketch" -b "checkpoint:out/bad/m.json#$name" -o out/x; done
run shiftscope rank "$sketch" -b "checkpoint:$zoo#resnet8_cifar10" -o out/x
run shiftscope rank "$sketch" -b torchvision:resnet18 -o out/x
ls out/x 2>&1
