package io.millrace.optim.mask;

import io.millrace.memory.BadInputException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The elements that a file lists, the same in every step: extreme sparsity, as SensZOQ (arXiv
 * 2406.02913) has it.
 *
 * @param file the lists; a run cannot do without, a plan can
 */
record IndicesMask(Optional<Path> file) implements MaskRule {
    static final String NAME = "indices";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isWhole() {
        return false;
    }

    @Override
    public boolean lacksFile() {
        return file.isEmpty();
    }

    @Override
    public ElementMask over(BaseWeights base) {
        Path path = file.orElseThrow();
        Map<String, BaseWeights.Tensor> trained =
                base.tensors().stream()
                        .collect(Collectors.toMap(BaseWeights.Tensor::name, Function.identity()));
        int ids = trained.values().stream().mapToInt(BaseWeights.Tensor::tensorId).max().orElse(-1);
        Chosen[] lists = new Chosen[ids + 1];
        Arrays.fill(lists, Chosen.of(new long[0], 0));
        Map<String, long[]> read = base.lists(path);
        if (read.isEmpty()) {
            throw new BadInputException(
                    path.toString(), "lists no element of any tensor", "give a file with lists");
        }
        read.forEach((name, list) -> {
            BaseWeights.Tensor tensor = trained.get(MaskFile.tensor(name));
            if (tensor == null) {
                throw new BadInputException(
                        path.toString(),
                        "'" + name + "' is of no tensor that the run trains",
                        "name lists as <tensor>" + MaskFile.SUFFIX + ", and mind --tune");
            }
            requireAscending(path, name, list, tensor.elements());
            lists[tensor.tensorId()] = Chosen.of(list, tensor.elements());
        });
        return new Listed(lists);
    }

    private static void requireAscending(Path path, String name, long[] list, long elements) {
        if (list.length == 0) {
            throw new BadInputException(
                    path.toString(), "'" + name + "' is empty", "leave such a list out");
        }
        long before = -1;
        for (int place = 0; place < list.length; place++) {
            long index = list[place];
            if (index < 0 || index >= elements) {
                throw new BadInputException(
                        path.toString(),
                        String.format(
                                "'%s' has %d at place %d, and the tensor %d elements",
                                name, index, place, elements),
                        "count elements row-major, from 0");
            }
            if (index <= before) {
                throw new BadInputException(
                        path.toString(),
                        String.format(
                                "'%s' has %d at place %d, behind %d", name, index, place, before),
                        "write each index once, in ascending order");
            }
            before = index;
        }
    }

    /**
     * Ascending indices of a tensor.
     *
     * @param list of them
     * @param starts how many of them are below each {@value #STRETCH}th element
     */
    private record Chosen(long[] list, int[] starts) {
        private static final int STRETCH = 1024;

        static Chosen of(long[] list, long elements) {
            int[] starts = new int[Math.toIntExact(elements / STRETCH) + 2];
            for (long index : list) {
                starts[(int) (index / STRETCH) + 1]++;
            }
            Arrays.parallelPrefix(starts, Integer::sum);
            return new Chosen(list, starts);
        }

        /** How many are below an element, or below the tensor's end. */
        int below(long element) {
            if (list.length == 0) {
                return 0;
            }
            int stretch = (int) (element / STRETCH);
            int found = Arrays.binarySearch(list, starts[stretch], starts[stretch + 1], element);
            return found < 0 ? -found - 1 : found;
        }
    }

    /** What is chosen of each tensor, by its id. */
    private record Listed(Chosen[] lists) implements ElementMask {
        /** A value by itself costs as much as so many in a row. */
        private static final int ALONE = 16;

        /** So many of a list are passed over as fast as a piece is looked up. */
        private static final int LISTED_A_PIECE = 4;

        @Override
        public void apply(
                long step,
                int tensorId,
                long firstElement,
                float[] p,
                float[] z,
                int offset,
                int count) {
            long[] list = lists[tensorId].list();
            int end = offset + count;
            int clear = offset;
            int at = lists[tensorId].below(firstElement);
            for (; at < list.length && list[at] < firstElement + count; at++) {
                int kept = offset + (int) (list[at] - firstElement);
                Arrays.fill(z, clear, kept, 0f);
                clear = kept + 1;
            }
            Arrays.fill(z, clear, end, 0f);
        }

        /** Goes over what is listed from the first piece to the last, where that is little. */
        @Override
        public void fill(
                Unmasked unmasked,
                long seed,
                long step,
                int tensorId,
                Tile tile,
                float[] p,
                float[] z) {
            Chosen chosen = lists[tensorId];
            long last = tile.first() + (tile.pieces() - 1) * tile.stride() + tile.width();
            int from = chosen.below(tile.first());
            int to = chosen.below(last);
            boolean few = to - from <= (long) tile.pieces() * LISTED_A_PIECE;
            if (tile.pieces() == 1 || !few) {
                ElementMask.super.fill(unmasked, seed, step, tensorId, tile, p, z);
                return;
            }
            Arrays.fill(z, 0, tile.pieces() * tile.width(), 0f);
            for (int at = from; at < to; at++) {
                long skipped = chosen.list()[at] - tile.first();
                int piece = (int) (skipped / tile.stride());
                int place = (int) (skipped - piece * tile.stride());
                if (place < tile.width()) {
                    int offset = piece * tile.width() + place;
                    unmasked.fill(seed, tensorId, chosen.list()[at], z, offset, 1);
                }
            }
        }

        /** Makes z of what is listed alone where that is little. */
        @Override
        public void fill(
                Unmasked unmasked,
                long seed,
                long step,
                int tensorId,
                long firstElement,
                float[] p,
                float[] z,
                int offset,
                int count) {
            Chosen chosen = lists[tensorId];
            long[] list = chosen.list();
            int from = chosen.below(firstElement);
            int to = chosen.below(firstElement + count);
            if ((long) (to - from) * ALONE > count) {
                ElementMask.super.fill(
                        unmasked, seed, step, tensorId, firstElement, p, z, offset, count);
                return;
            }
            Arrays.fill(z, offset, offset + count, 0f);
            int end;
            for (int at = from; at < to; at = end) {
                end = at + 1;
                while (end < to && list[end] == list[end - 1] + 1) {
                    end++;
                }
                int place = offset + (int) (list[at] - firstElement);
                unmasked.fill(seed, tensorId, list[at], z, place, end - at);
            }
        }
    }
}
