package io.millrace.executor.companion;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.nvme.VerifiedSource;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import io.millrace.model.adapter.AdapterTensors;
import io.millrace.model.file.SafetensorsFile;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a run has saved of its companions, and where they begin should that be damaged. Open for as
 * long as it is read.
 */
public final class SavedCompanions implements CompanionSource, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SavedCompanions.class.getName());

    private final AdapterTensors tensors;
    private final SafetensorsFile weights;
    private final Optional<StateFile> states;
    private final Version version;
    private final CompanionSource start;

    /**
     * What is known of a saved folder.
     *
     * @param foldedThrough the last step that it holds
     * @param checksums CRC-32C of each companion; empty where none were kept
     */
    public record Version(long foldedThrough, List<Integer> checksums) {}

    private SavedCompanions(
            AdapterTensors tensors,
            SafetensorsFile weights,
            Optional<StateFile> states,
            Version version,
            CompanionSource start) {
        this.tensors = tensors;
        this.weights = weights;
        this.states = states;
        this.version = version;
        this.start = start;
    }

    /**
     * Opens what was saved, and checks names, shapes and types.
     *
     * @param file of the tensors; their states, where there are any, are in the same folder
     * @param beside the layout of the companions
     * @param tensors where the file has each of them
     * @param version what the folder holds
     * @param start what companions begin with that cannot be read
     * @throws BadInputException when the folder does not have what the run trains
     */
    public static SavedCompanions open(
            Path file,
            ModelLayout beside,
            AdapterTensors tensors,
            Version version,
            CompanionSource start) {
        Path folder = file.getParent();
        SafetensorsFile weights = SafetensorsFile.open(file);
        try {
            for (BlockLayout companion : beside.blocks()) {
                for (TensorSlot slot : companion.tensors()) {
                    requireSame(folder, tensors.has(weights, slot), slot);
                }
            }
            Optional<StateFile> states =
                    beside.stateBytes() > 0
                            ? Optional.of(StateFile.open(folder, beside))
                            : Optional.empty();
            return new SavedCompanions(tensors, weights, states, version, start);
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    private static void requireSame(Path folder, boolean same, TensorSlot slot) {
        if (!same) {
            throw new BadInputException(
                    folder.toString(),
                    "has no '"
                            + slot.name()
                            + "' of "
                            + slot.format().name()
                            + slot.shape()
                            + ", which the run trains",
                    "remove this folder to go on without it");
        }
    }

    @Override
    public long read(BlockLayout companion, MemorySegment bytes) {
        for (TensorSlot slot : companion.tensors()) {
            tensors.read(weights, slot, bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
        states.ifPresent(file -> file.readBlock(companion, bytes, () -> {}));
        List<Integer> checksums = version.checksums();
        if (companion.index() < checksums.size()
                && checksums.get(companion.index())
                        != VerifiedSource.checksum(companion.parts(bytes))) {
            LOG.log(
                    Level.WARNING,
                    "{0} is damaged beside block {1}; the run rebuilds that from its journal",
                    weights.path(),
                    companion.index());
            bytes.fill((byte) 0);
            return start.read(companion, bytes);
        }
        return version.foldedThrough();
    }

    @Override
    public void close() {
        StateFile statesOrNull = states.orElse(null);
        try (weights;
                statesOrNull) {
            // Both.
        }
    }
}
