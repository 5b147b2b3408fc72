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
        ListedMask.Chosen[] lists = new ListedMask.Chosen[ids + 1];
        Arrays.fill(lists, ListedMask.Chosen.of(new long[0], 0));
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
            lists[tensor.tensorId()] = ListedMask.Chosen.of(list, tensor.elements());
        });
        return new ListedMask(lists);
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
}
