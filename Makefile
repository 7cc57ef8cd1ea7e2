# Thin on purpose: each recipe is commands that a person could type. `make` alone prints what there is.

## WITH             setup: all, or train, which leaves out what extraction needs (what is there already, else all)
WITH ?=
## ENVIRONMENT      folder of the packages (an active conda environment named heatpool, else .venv)
ENVIRONMENT ?= $(if $(filter heatpool,$(notdir $(CONDA_PREFIX))),$(CONDA_PREFIX),.venv)
## PYTHON           setup: a Python 3.11 to start from (the first that runs of python3.11, python3, python)
PYTHON ?= $(or $(shell for p in python3.11 python3 python $(ENVIRONMENT)/bin/python; do \
	$$p -c "" 2>/dev/null && echo $$p && break; done),$(error found no Python on the PATH; expected python3.11. \
	README.md (Install) lists the ways to get it; then: make setup PYTHON=/path/to/python3.11))
## DATASET          a known dataset's name, a folder with one sub-folder per class, or a CSV/JSONL file (demo)
DATASET ?=
## VIDEOS           folder of the videos (data/raw/<name of DATASET>)
VIDEOS ?=
## STORE            folder of the store, or for reading any fsspec URL (extract, train: data/stores/<name of DATASET>;
##                  evaluate: that of the CHECKPOINT's run)
STORE ?=
## DETECTOR         a preset's name, ultralytics weights, a .json file of boxes, or none (of the demo: demo)
DETECTOR ?= $(IS_DEMO)
## POSE             a preset's name, or a mmpose config (of the demo: demo)
POSE ?= $(IS_DEMO)
## POSE_CHECKPOINT  its weights (a preset's own)
POSE_CHECKPOINT ?=
## TAPS             modules to read features from, the first one being the default of the streams (a preset's own)
TAPS ?=
## WEIGHTS_FOLDER   where presets' weights are, or are downloaded to (data/weights)
WEIGHTS_FOLDER ?=
## DEVICE           cpu, cuda:0, … (the first GPU, else the CPU)
DEVICE ?=
## SCHEDULER        who extracts: here, local:N for N processes, or the address of a dask cluster (here)
SCHEDULER ?=
## FORMAT           import: npy, pyskl or ntu-skeleton; export: npy or pyskl
FORMAT ?=
## FROM             import, import-scores, import-weights: the folder or file to read
FROM ?=
## TO               export: the folder or file to write; import-scores, import-weights, ensemble: the
##                  folder to write into
TO ?=
## CLIP             show: a clip's id, several with commas between, or random:5 (the first clip with data)
CLIP ?=
## PROTOCOL         a protocol of the store (train: its first; probe: each subject is left out in turn; import-scores: of
##                  the dataset); train also takes leave_one_subject_out and kfold:5, evaluate also all
PROTOCOL ?=
## STREAM           train: hpj hpb hpjm hpbm (pooled), j b jm bm (the pose), simcc; hpnet (RGB, text, pooled);
##                  xshift_pose (heatmaps), xshift_rgb (crops), epam (both) (hpj)
STREAM ?=
## MODEL            train: of graphs, ctrgcn, mixformer, stgcnpp, or tcn for few clips (ctrgcn); of xshift_pose, xshift or
##                  slowonly (xshift)
MODEL ?=
## CHECKPOINT       evaluate: a checkpoint.pt, or the folder of a run (the one that train would make);
##                  predict: the same, or several ([name=]path)
CHECKPOINT ?=
## VIDEO            predict: a video, a folder of videos, or a CSV/JSONL file of them
VIDEO ?=
## SCORES           ensemble: score files (name=file gives one a name), or a folder of them
SCORES ?=
## WEIGHTS          ensemble: stream=number for each, or equal, or fit (the published ones where there are, else equal);
##                  predict, of several checkpoints: stream=number for each (equal)
WEIGHTS ?=
## STREAMS          ensemble: the lines of the table, such as hpj hpb hpj+hpb (each stream, then all together)
STREAMS ?=
## ARGS             more options, handed on as they are: make test ARGS="-k pool"
ARGS ?=
## UV               lock: the uv to resolve with (uv)
UV ?= uv

EXTRACTED = $(or $(DATASET),demo)
IS_DEMO = $(if $(filter demo demo_full,$(EXTRACTED)),demo)
RUN = "$(ENVIRONMENT)/bin/python"
option = $(if $($(1)),--$(2) "$($(1))")
QUIET = $(if $(filter setup,$(MAKECMDGOALS)),,--quiet)
EXTRACTION = $(call option,STORE,store) $(call option,VIDEOS,videos) $(call option,DETECTOR,detector) $(call option,POSE,pose) \
	$(call option,POSE_CHECKPOINT,pose-checkpoint) $(call option,TAPS,taps) \
	$(call option,WEIGHTS_FOLDER,weights-folder) $(call option,DEVICE,device) $(call option,SCHEDULER,scheduler)
TRAINED = $(or $(call option,STORE,store),$(call option,EXTRACTED,dataset)) $(call option,STREAM,stream) $(call option,MODEL,model)
step = echo >&2; echo "make demo, step $(1) of 4: $(2)" >&2
COMPILE = $(UV) pip compile pyproject.toml --group dev --quiet --python-version 3.11 \
	--python-platform x86_64-manylinux_2_28 --only-binary :all: --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

# packages in the user's home would otherwise shadow the locked ones in a conda environment
export PYTHONNOUSERSITE = 1

.DEFAULT_GOAL = help
.PHONY: help setup demo videos extract presets info verify reindex show sheet probe train evaluate predict ensemble \
	import-scores import-weights import export bench test lint format lock

help:  ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s%s\n", $$1, $$2 }' Makefile
	@echo; echo "Variables (default):"
	@sed -n 's/^## /  /p' Makefile
	@echo; echo "make itself always exits 2 on an error; its last line names the command's own status:"
	@echo "0 done, 1 error, 2 usage, 3 some clips failed, 4 verification failed, 130 interrupted and resumable."
	@echo "Run the command that make prints by hand to get that status."

setup:  ## make the environment from the lock file; every other target begins with this
	@$(PYTHON) -m scripts.set_up --environment "$(ENVIRONMENT)" $(call option,WITH,with) $(QUIET)

demo: WITH = all
demo: override DATASET = demo
demo: DEMO_STORE = $(or $(STORE),data/stores/demo)
demo: setup  ## the whole story on videos of our own, without any download: videos, store, two networks, a page
	@$(call step,1,draw 300 videos: about 3 minutes on two cores)
	$(RUN) -m scripts.make_demo_videos $(call option,VIDEOS,out)
	@$(call step,2,extract their features: about 4 minutes)
	$(RUN) -m scripts.extract_features --dataset demo $(EXTRACTION) $(ARGS)
	@$(call step,3,look at the store)
	$(RUN) -m scripts.show_info --store "$(DEMO_STORE)"
	$(RUN) -m scripts.draw_contact_sheet --store "$(DEMO_STORE)"
	@$(call step,4,train two networks and compare them: about a minute)
	$(RUN) -m scripts.train_demo --store "$(DEMO_STORE)"

videos: WITH = all
videos: setup  ## draw the videos of DATASET=demo or demo_full
	@: $(if $(IS_DEMO),,$(error the videos of $(DATASET) cannot be drawn; expected DATASET=demo or DATASET=demo_full))
	$(RUN) -m scripts.make_demo_videos --size $(if $(filter demo_full,$(DATASET)),full,small) \
		$(call option,VIDEOS,out) $(ARGS)

extract: WITH = all
extract: setup  ## videos to store; resumes
	$(RUN) -m scripts.extract_features --dataset "$(EXTRACTED)" $(EXTRACTION) $(ARGS)

presets: setup  ## the networks that DETECTOR and POSE know by name, and whether their weights are here
	$(RUN) -m scripts.list_presets $(call option,WEIGHTS_FOLDER,weights-folder) $(ARGS)

info: need-STORE setup  ## what a store holds
	$(RUN) -m scripts.show_info --store "$(STORE)" $(ARGS)

verify: need-STORE setup  ## whether a store is whole: every bit, every file
	$(RUN) -m scripts.verify_store --store "$(STORE)" $(ARGS)

reindex: need-STORE need-DATASET setup  ## new labels or splits for a store, without the videos
	$(RUN) -m scripts.reindex_store --store "$(STORE)" --dataset "$(DATASET)" $(call option,VIDEOS,videos) $(ARGS)

show: need-STORE setup  ## draw clips of a store
	$(RUN) -m scripts.draw_clip --store "$(STORE)" $(call option,CLIP,clip) $(ARGS)

sheet: need-STORE setup  ## draw one clip of each class of a store, on one page
	$(RUN) -m scripts.draw_contact_sheet --store "$(STORE)" $(ARGS)

probe: need-STORE setup  ## what a linear classifier tells from pooled features, and from keypoints
	$(RUN) -m scripts.probe_features --store "$(STORE)" $(call option,PROTOCOL,protocol) $(ARGS)

train: setup  ## store to checkpoint, scores and tables; resumes; ARGS="lr=0.05 epochs=30" for the recipe
	$(RUN) -m scripts.train_stream $(TRAINED) $(call option,PROTOCOL,protocol) $(call option,DEVICE,device) $(ARGS)

# a run knows its own store
evaluate: EXTRACTED = $(or $(DATASET),$(if $(CHECKPOINT),,demo))
evaluate: setup  ## checkpoint to scores and tables, on any store that fits
	$(RUN) -m scripts.evaluate_checkpoint $(call option,CHECKPOINT,checkpoint) $(TRAINED) \
		$(call option,PROTOCOL,protocol) $(call option,DEVICE,device) $(ARGS)

predict: WITH = all
predict: IS_DEMO =  # the checkpoint says which networks
predict: need-VIDEO need-CHECKPOINT setup  ## videos and a checkpoint to the classes that it finds likely; resumes
	$(RUN) -m scripts.predict_videos --video "$(VIDEO)" --checkpoint $(CHECKPOINT) $(if $(WEIGHTS),--weights $(WEIGHTS)) \
		$(call option,DETECTOR,detector) $(call option,POSE,pose) $(call option,POSE_CHECKPOINT,pose-checkpoint) \
		$(call option,WEIGHTS_FOLDER,weights-folder) $(call option,STORE,store) $(call option,DEVICE,device) $(ARGS)

import-weights: need-FROM need-STORE need-TO setup  ## the authors' weights of a network to a checkpoint
	$(RUN) -m scripts.import_weights --from "$(FROM)" --to "$(TO)" --store "$(STORE)" $(call option,STREAM,stream) \
		$(call option,MODEL,model) $(call option,PROTOCOL,protocol) $(ARGS)

import: need-FORMAT need-FROM need-STORE setup  ## files of other formats to a store; resumes
	$(RUN) -m scripts.import_store --format "$(FORMAT)" --from "$(FROM)" --store "$(STORE)" \
		$(call option,DATASET,dataset) $(call option,TAPS,tap) $(ARGS)

export: need-FORMAT need-STORE need-TO setup  ## a store to files of other formats
	$(RUN) -m scripts.export_store --format "$(FORMAT)" --store "$(STORE)" --to "$(TO)" $(call option,TAPS,tap) $(ARGS)

ensemble: need-SCORES setup  ## score files to fused scores and one table
	$(RUN) -m scripts.ensemble_scores --scores $(SCORES) $(if $(WEIGHTS),--weights $(WEIGHTS)) \
		$(if $(STREAMS),--streams $(STREAMS)) $(call option,TO,to) $(ARGS)

import-scores: need-FROM need-TO setup  ## score files of other teams to ours
	$(RUN) -m scripts.import_scores --from "$(FROM)" --to "$(TO)" \
		$(if $(STORE),$(call option,STORE,store),$(call option,DATASET,dataset)) \
		$(call option,PROTOCOL,protocol) $(ARGS)

bench: WITH = all
bench: setup  ## speed, memory and size tables of this machine
	$(RUN) -m scripts.run_bench $(ARGS)

# files side by side, for most of them wait or use one thread; each stays in one process, the slow ones come first
test: setup  ## the test suite, without what is slow or needs a GPU
	$(RUN) -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup  ## ruff and mypy
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

format: setup  ## let ruff rewrite the files
	$(RUN) -m ruff format
	$(RUN) -m ruff check --fix

lock:  ## make both lock files from pyproject.toml; ARGS=--upgrade for newer versions
	$(COMPILE) --extra extract $(ARGS) --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --output-file requirements-train.lock

need-DATASET need-STORE need-FORMAT need-FROM need-TO need-SCORES need-VIDEO need-CHECKPOINT: need-%:
	@: $(if $($*),,$(error $* is empty; expected a value, such as \
		$(MAKE) $(MAKECMDGOALS) $*=$(EXAMPLE_$*); `make` alone says what it can be))
EXAMPLE_DATASET = ntu60
EXAMPLE_STORE = data/stores/ntu60
EXAMPLE_FORMAT = pyskl
EXAMPLE_FROM = $(or $(EXAMPLE_FROM_$(firstword $(MAKECMDGOALS))),data/raw/ntu60_hrnet.pkl)
EXAMPLE_FROM_import-scores = data/raw/scores
EXAMPLE_FROM_import-weights = data/raw/weights.pt
EXAMPLE_TO = $(if $(filter import-scores import-weights,$(MAKECMDGOALS)),runs/ntu60,data/exports/ntu60.pkl)
EXAMPLE_SCORES = runs/ntu60
EXAMPLE_VIDEO = data/raw/demo/wave_p02_c1_s1_r1.mp4
EXAMPLE_CHECKPOINT = runs/demo/xsub/hpj-ctrgcn
