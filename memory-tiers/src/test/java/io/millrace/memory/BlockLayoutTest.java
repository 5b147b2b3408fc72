package io.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Where tensors and the states of an update rule lie in a block. */
@ExtendWith(SeedExtension.class)
final class BlockLayoutTest {
    private static final int RUNS = 200;

    @Test
    void statesLieBehindAllWeightsAndMoveNone(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < RUNS; run++) {
            BlockLayout weights = weights(random, random.nextInt(8), 0.3);
            List<StateSlot.Kind> kinds = kinds(random);
            BlockLayout block = weights.withStates(kinds);

            assertThat(block.tensors()).isEqualTo(weights.tensors());
            assertThat(block.index()).isEqualTo(weights.index());
            assertThat(block.weightBytes()).isEqualTo(weights.sizeBytes());
            assertThat(block.elementCount()).isEqualTo(weights.elementCount());
            long trained = weights.tensors().stream().filter(TensorSlot::isTrained).count();
            assertThat((long) block.states().size()).isEqualTo(trained * kinds.size());
            long end = weights.sizeBytes();
            for (int tensor = 0; tensor < weights.tensors().size(); tensor++) {
                if (!weights.tensors().get(tensor).isTrained()) {
                    assertThat(block.states(tensor)).isEmpty();
                    continue;
                }
                assertThat(block.states(tensor)).hasSize(kinds.size());
                for (int state = 0; state < kinds.size(); state++) {
                    StateSlot slot = block.state(tensor, state);
                    assertThat(slot.tensor()).isEqualTo(tensor);
                    assertThat(slot.state()).isEqualTo(state);
                    assertThat(slot.name()).isEqualTo(kinds.get(state).name());
                    assertThat(slot.dtype()).isEqualTo(kinds.get(state).dtype());
                    assertThat(slot.elementCount())
                            .isEqualTo(weights.tensors().get(tensor).elementCount());
                    assertThat(slot.offsetBytes() % BlockLayout.ALIGNMENT).isZero();
                    assertThat(slot.offsetBytes()).isGreaterThanOrEqualTo(end);
                    assertThat(slot.offsetBytes() - end).isLessThan(BlockLayout.ALIGNMENT);
                    end = slot.offsetBytes() + slot.sizeBytes();
                }
            }
            assertThat(block.sizeBytes() - end).isBetween(0L, BlockLayout.ALIGNMENT - 1L);
            assertThat(block.stateBytes()).isEqualTo(block.sizeBytes() - weights.sizeBytes());
            assertThat(block.withStates(kinds)).isEqualTo(block);
            assertThat(block.withStates(List.of())).isEqualTo(weights);
        }
    }

    @Test
    void statesOfSomeTensorsAloneLieInTheirOrder() {
        BlockLayout weights = weights(new SplittableRandom(7), 5, 0);
        List<StateSlot.Kind> kinds =
                List.of(new StateSlot.Kind("a", DType.F32), new StateSlot.Kind("b", DType.BF16));
        String second = weights.tensors().get(1).name();
        String last = weights.tensors().get(4).name();
        BlockLayout block =
                weights.withStates(
                        kinds, slot -> slot.name().equals(second) || slot.name().equals(last));
        assertThat(block.states())
                .extracting(StateSlot::tensor, StateSlot::name)
                .containsExactly(tuple(1, "a"), tuple(1, "b"), tuple(4, "a"), tuple(4, "b"));
        assertThat(block.states(0)).isEmpty();
        assertThat(block.states(4)).hasSize(2);
        List<StateSlot> torn = block.states().subList(0, 3);
        refused(block, torn, block.sizeBytes());
    }

    @Test
    void aBlockWithoutStatesEndsWithItsWeights(@Seed long seed) {
        BlockLayout block = weights(new SplittableRandom(seed), 3, 0);
        assertThat(block.states()).isEmpty();
        assertThat(block.states(0)).isEmpty();
        assertThat(block.weightBytes()).isEqualTo(block.sizeBytes());
        assertThat(block.stateBytes()).isZero();
        assertThatThrownBy(() -> block.state(0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void refusesStatesThatAreNotInTheirPlaces(@Seed long seed) {
        BlockLayout block =
                weights(new SplittableRandom(seed), 2, 0)
                        .withStates(List.of(new StateSlot.Kind("m", DType.F32)));
        List<StateSlot> swapped = new ArrayList<>(block.states());
        Collections.swap(swapped, 0, 1);
        refused(block, swapped, block.sizeBytes());
        refused(block, block.states(), block.sizeBytes() - BlockLayout.ALIGNMENT);
        StateSlot first = block.state(0, 0);
        StateSlot early =
                new StateSlot(0, "m", 0, DType.F32, first.offsetBytes() - 64, first.elementCount());
        refused(block, List.of(early, block.state(1, 0)), block.sizeBytes());
        StateSlot shorter =
                new StateSlot(0, "m", 0, DType.F32, first.offsetBytes(), first.elementCount() - 1);
        refused(block, List.of(shorter, block.state(1, 0)), block.sizeBytes());
        StateSlot none = new StateSlot(0, "m", 0, DType.F32, first.offsetBytes(), -1, false);
        refused(block, List.of(none, block.state(1, 0)), block.sizeBytes());
    }

    @Test
    void aStateMayHaveNumbersOfItsOwnCount() {
        TensorSlot matrix = new TensorSlot("w", 0, DType.BF16, List.of(6L, 5L), 0);
        TensorSlot vector = new TensorSlot("b", 1, DType.BF16, List.of(5L), 0);
        BlockLayout block =
                BlockLayout.pack(0, List.of(matrix, vector))
                        .withStates(
                                List.of(
                                        new StateSlot.Kind("m", DType.F32),
                                        new StateSlot.Kind(
                                                "rows",
                                                DType.F32,
                                                shape -> shape.size() < 2 ? 0 : shape.getFirst())));
        assertThat(block.states())
                .extracting(StateSlot::name, StateSlot::elementCount)
                .containsExactly(
                        tuple("m", 30L), tuple("rows", 6L), tuple("m", 5L), tuple("rows", 0L));
    }

    private static void refused(BlockLayout block, List<StateSlot> states, long sizeBytes) {
        assertThatThrownBy(() -> new BlockLayout(0, block.tensors(), states, sizeBytes))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void refusesStatesThatNobodyComputesOn() {
        assertThatThrownBy(() -> new StateSlot.Kind("m", DType.F16))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new StateSlot.Kind("", DType.F32))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static BlockLayout weights(SplittableRandom random, int tensors, double frozen) {
        List<DType> dtypes = List.of(DType.F32, DType.F16, DType.BF16);
        List<TensorSlot> slots = new ArrayList<>();
        for (int i = 0; i < tensors; i++) {
            long rows = 1L + random.nextInt(40);
            List<Long> shape =
                    random.nextBoolean() ? List.of(rows) : List.of(rows, 1L + random.nextInt(9));
            int id = random.nextDouble() < frozen ? TensorSlot.FROZEN : i;
            slots.add(new TensorSlot("t" + i, id, dtypes.get(random.nextInt(3)), shape, 0));
        }
        return BlockLayout.pack(random.nextInt(5), slots);
    }

    private static List<StateSlot.Kind> kinds(SplittableRandom random) {
        List<StateSlot.Kind> kinds = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            kinds.add(new StateSlot.Kind("s" + i, random.nextBoolean() ? DType.F32 : DType.BF16));
        }
        return kinds;
    }
}
