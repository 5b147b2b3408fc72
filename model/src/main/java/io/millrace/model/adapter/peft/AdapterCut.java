package io.millrace.model.adapter.peft;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.LoraConfig;
import io.millrace.model.adapter.LoraPart;
import io.millrace.model.adapter.LoraTargets;
import io.millrace.model.adapter.LowRankProduct;
import io.millrace.model.adapter.TallMatrix;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Makes a LoRA of a lower rank of one: the nearest of that rank, for each matrix. Factors of one
 * matrix are in memory at a time.
 */
public final class AdapterCut {
    private AdapterCut() {}

    /**
     * What became of a matrix.
     *
     * @param part as it was written
     * @param before rank that it had
     * @param norm of the change before, as Frobenius has it
     * @param lost norm of what it lacks now
     */
    public record Matrix(LoraPart part, int before, double norm, double lost) {
        /** What it lacks over the whole. */
        public double relativeError() {
            return norm == 0 ? 0 : lost / norm;
        }
    }

    /**
     * Writes the smaller adapter.
     *
     * @param base folder of the model that it is of
     * @param adapter its folder
     * @param rank the most that a matrix gets
     * @param out one that is not there, or is empty
     * @throws BadInputException where it is no LoRA of that base, or the folder cannot be written
     */
    public static List<Matrix> run(Path base, Path adapter, int rank, Path out) {
        if (rank < 1) {
            throw new BadInputException("--rank", rank + " is below 1", "give 1 or more");
        }
        AdapterWriter.checkFree(out);
        try (Checkpoint checkpoint = Checkpoint.open(base);
                LoraAdapter stored = LoraAdapter.open(adapter, checkpoint)) {
            List<LoraPart> parts =
                    stored.parts().stream().map(one -> cut(one.part(), rank)).toList();
            LoraConfig config = LoraConfig.of(base.toString(), parts, LoraTargets.of(checkpoint));
            List<Matrix> made = new ArrayList<>();
            try (AdapterWriter writer =
                    AdapterWriter.create(DurableFiles.system(), out, config, Map.of())) {
                for (int i = 0; i < parts.size(); i++) {
                    made.add(write(stored, stored.parts().get(i), parts.get(i), writer));
                }
                writer.commit();
            }
            return made;
        }
    }

    private static LoraPart cut(LoraPart part, int rank) {
        long most = Math.min(part.rows(), part.columns());
        int kept = (int) Math.min(Math.min(rank, part.rank()), most);
        return new LoraPart(part.target(), part.rows(), part.columns(), kept);
    }

    private static Matrix write(
            LoraAdapter stored, AdapterPart from, LoraPart to, AdapterWriter writer) {
        LoraPart part = from.part();
        int rank = part.rank();
        long inputs = part.isTransposed() ? part.rows() : part.columns();
        long outputs = part.isTransposed() ? part.columns() : part.rows();
        try (Arena arena = Arena.ofConfined()) {
            TallMatrix second = matrix(arena, outputs, rank);
            float[] row = new float[rank];
            for (long output = 0; output < outputs; output++) {
                stored.read(from.second(), output * rank, row, 0, rank);
                for (int r = 0; r < rank; r++) {
                    row[r] = (float) (from.scale() * row[r]);
                }
                second.set(output, 0, row, 0, rank);
            }
            TallMatrix first = matrix(arena, inputs, rank);
            float[] all = new float[Math.toIntExact(inputs)];
            for (int r = 0; r < rank; r++) {
                stored.read(from.first(), r * inputs, all, 0, all.length);
                for (int input = 0; input < all.length; input++) {
                    first.set(input, r, all[input]);
                }
            }
            LowRankProduct change =
                    part.isTransposed()
                            ? new LowRankProduct(first, second)
                            : new LowRankProduct(second, first);
            LowRankProduct.Cut cut = change.cutTo(to.rank());
            writer.write(to, cut.product());
            return new Matrix(to, rank, cut.norm(), cut.lost());
        }
    }

    private static TallMatrix matrix(Arena arena, long rows, int columns) {
        return new TallMatrix(
                arena.allocate(rows * columns * Float.BYTES, Float.BYTES), rows, columns);
    }
}
