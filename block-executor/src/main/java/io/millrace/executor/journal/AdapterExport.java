package io.millrace.executor.journal;

import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.LoraConfig;
import io.millrace.model.adapter.LoraPart;
import io.millrace.model.adapter.LoraTargets;
import io.millrace.model.adapter.LowRankProduct;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.update.UpdateRule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Journal of a low-rank run = LoRA over its base: what the run made of the matrices, in PEFT's
 * files, without data or forwards. Within a window all steps share V, so that each window adds the
 * direction's rank to the adapter's.
 */
public final class AdapterExport {
    private final AdapterRequest request;
    private final Journal journal;
    private final LowRankDirection direction;
    private final UpdateRule rule;
    private final Checkpoint checkpoint;
    private final ModelLayout layout;
    private final UpdateLog updates;

    private AdapterExport(
            AdapterRequest request, Journal journal, MethodFields methods, Checkpoint checkpoint) {
        this.request = request;
        this.journal = journal;
        this.checkpoint = checkpoint;
        direction = lowRank(request.journal(), methods);
        rule = methods.rule();
        Participation participation = methods.participation();
        layout = methods.tuned(checkpoint, storedLayout()).layout();
        updates = new UpdateLog(rule, participation, layout.parts());
        journal.records().forEach(updates::add);
    }

    private ModelLayout storedLayout() {
        String dtype = journal.header().dtype();
        return dtype.equals(JournalHeader.AS_STORED)
                ? checkpoint.layout()
                : checkpoint.layout(DType.find(dtype).orElseThrow());
    }

    /**
     * Writes the adapter of a run.
     *
     * @throws BadInputException when the journal is damaged, belongs to another base, or is of a
     *     run that has changed what no LoRA holds
     * @throws io.millrace.executor.step.DivergedException when the change is not finite
     */
    public static ExportedAdapter run(AdapterRequest request) {
        Journal journal = JournalReader.read(request.journal());
        Replay.requireWhole(request.journal(), journal);
        MethodFields methods = new MethodFields(request.journal(), journal.header());
        requireLowRank(request.journal(), journal, methods);
        AdapterWriter.checkFree(request.out());
        try (Checkpoint checkpoint = Checkpoint.open(request.base())) {
            Replay.requireBase(checkpoint, request.journal(), journal.header());
            return new AdapterExport(request, journal, methods, checkpoint).export();
        }
    }

    private static void requireLowRank(Path file, Journal journal, MethodFields methods) {
        lowRank(file, methods);
        if (journal.records().isEmpty()) {
            throw new BadInputException(
                    file.toString(), "has no step yet", "go on with the run first");
        }
        Optional<StepRecord> decayed =
                journal.records().stream().filter(step -> step.weightDecay() != 0).findFirst();
        if (decayed.isPresent()) {
            throw new BadInputException(
                    file + ", step " + decayed.get().step(),
                    "weight decay of "
                            + decayed.get().weightDecay()
                            + " shrinks whole matrices, which is no change of low rank",
                    "tune with --weight-decay 0, or make the whole model with 'millrace replay'");
        }
    }

    private static LowRankDirection lowRank(Path file, MethodFields methods) {
        if (methods.direction() instanceof LowRankDirection direction) {
            return direction;
        }
        throw new BadInputException(
                file + ", line 1: field 'direction'",
                "is "
                        + methods.direction().name()
                        + ", and steps along such directions add up to no low rank",
                "tune with --perturbation low-rank, or make the whole model with 'millrace"
                        + " replay'");
    }

    private ExportedAdapter export() {
        List<TensorSlot> matrices = trained(true);
        List<TensorSlot> vectors = trained(false);
        LoraTargets targets = LoraTargets.of(checkpoint);
        requireTargets(targets, matrices);
        List<TensorSlot> all = new ArrayList<>(matrices);
        all.addAll(vectors);
        try (WorkerPool pool = new WorkerPool();
                RunFactors factors =
                        new RunFactors(
                                direction,
                                rule.hasMomentum(),
                                updates,
                                all,
                                pool,
                                new HostMemory(Ledger.unlimited()))) {
            Optional<TrainedVectors> left =
                    vectors.isEmpty()
                            ? Optional.empty()
                            : Optional.of(TrainedVectors.of(checkpoint, layout, vectors, factors));
            left.filter(_ -> !request.dropVectors()).ifPresent(this::refuse);
            return write(targets, matrices, factors, left);
        }
    }

    private List<TensorSlot> trained(boolean matrices) {
        return layout.blocks().stream()
                .map(BlockLayout::tensors)
                .flatMap(List::stream)
                .filter(TensorSlot::isTrained)
                .filter(slot -> LowRankSize.isMatrix(slot) == matrices)
                .toList();
    }

    private void requireTargets(LoraTargets targets, List<TensorSlot> matrices) {
        List<String> names =
                matrices.stream()
                        .map(TensorSlot::name)
                        .filter(name -> targets.obstacle(name).isPresent())
                        .toList();
        if (!names.isEmpty()) {
            String first = names.getFirst();
            throw new BadInputException(
                    request.journal() + ", line 1: the run tuned '" + first + "'",
                    "it " + targets.obstacle(first).orElseThrow(),
                    names.stream()
                            .map(name -> ",!" + name)
                            .collect(
                                    Collectors.joining(
                                            "",
                                            "tune with --tune '" + TrainedTensors.MATRICES,
                                            "', or make the whole model with 'millrace replay'")));
        }
        if (matrices.isEmpty()) {
            throw new BadInputException(
                    request.journal() + ", line 1: field 'tune'",
                    "leaves no matrix that was tuned",
                    "make the whole model with 'millrace replay'");
        }
    }

    private void refuse(TrainedVectors vectors) {
        throw new BadInputException(
                request.journal() + ", line 1",
                "the run tuned " + vectors.describe() + ", and a LoRA has no place for vectors",
                "tune with --tune "
                        + TrainedTensors.MATRICES
                        + ", or leave them out with"
                        + " --drop-vectors");
    }

    private ExportedAdapter write(
            LoraTargets targets,
            List<TensorSlot> matrices,
            RunFactors factors,
            Optional<TrainedVectors> left) {
        int whole = RunFactors.rank(direction, updates.lastStep());
        Map<TensorSlot, LoraPart> parts = parts(targets, matrices, whole);
        LoraConfig config =
                LoraConfig.of(request.base().toString(), List.copyOf(parts.values()), targets);
        List<ExportedAdapter.Matrix> made = new ArrayList<>();
        double squares = 0;
        double lostSquares = 0;
        try (AdapterWriter writer =
                AdapterWriter.create(DurableFiles.system(), request.out(), config, notes())) {
            for (Map.Entry<TensorSlot, LoraPart> one : parts.entrySet()) {
                LoraPart part = one.getValue();
                LowRankProduct change = factors.of(one.getKey(), blockOf(one.getKey()));
                double error = 0;
                if (part.rank() < whole) {
                    LowRankProduct.Cut cut = change.cutTo(part.rank());
                    change = cut.product();
                    squares += cut.norm() * cut.norm();
                    lostSquares += cut.lost() * cut.lost();
                    error = cut.relativeError();
                }
                writer.write(part, change);
                made.add(made(part, error));
            }
            writer.commit();
        }
        return new ExportedAdapter(
                updates.lastStep(),
                whole / direction.rank(),
                whole,
                made,
                squares == 0 ? 0 : Math.sqrt(lostSquares / squares),
                left,
                rounded(matrices),
                factors.bytes());
    }

    private Map<TensorSlot, LoraPart> parts(
            LoraTargets targets, List<TensorSlot> matrices, int whole) {
        Map<TensorSlot, LoraPart> parts = new LinkedHashMap<>();
        for (TensorSlot slot : matrices) {
            long rows = LowRankSize.rowsOf(slot);
            long columns = LowRankSize.columnsOf(slot);
            int rank = request.rank(whole, Math.min(rows, columns));
            parts.put(slot, new LoraPart(targets.target(slot.name()), rows, columns, rank));
        }
        return parts;
    }

    private static ExportedAdapter.Matrix made(LoraPart part, double relativeError) {
        return new ExportedAdapter.Matrix(
                part.target().module(), part.rows(), part.columns(), part.rank(), relativeError);
    }

    private int blockOf(TensorSlot slot) {
        return layout.find(slot.name()).orElseThrow().block();
    }

    /** What tells later which run and which base an adapter is of. */
    private Map<String, String> notes() {
        // In an order of its own: Map.of has another in every process, and files would, too.
        return new TreeMap<>(
                Map.of(
                        "millrace_base", journal.header().base(),
                        "millrace_run", Seeds.format(journal.identity()),
                        "millrace_steps", Long.toString(updates.lastStep())));
    }

    private static Optional<DType> rounded(List<TensorSlot> matrices) {
        return matrices.stream()
                .map(TensorSlot::dtype)
                .filter(dtype -> dtype != DType.F32)
                .findFirst();
    }
}
