package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TensorPart.Role;
import io.millrace.model.file.Elements;
import io.millrace.model.file.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What no weights can be made of is named by file, tensor and element. */
class PartCheckTest {
    private static final int COUNT = 6;
    private static final int BEFORE = 100;
    private static final int BAD = 4;
    private static final int GROUPS = 3;

    private static void check(Role role, DType dtype, double bad) {
        List<Long> shape = List.of((long) BEFORE + COUNT);
        TensorPart part = new TensorPart("p", role, dtype, shape, role == Role.GROUPS ? GROUPS : 0);
        TensorInfo tensor =
                new TensorInfo(
                        Path.of("model.safetensors"), "m.p", dtype, shape, 0, dtype.bytes(shape));
        MemorySegment bytes = MemorySegment.ofArray(new byte[COUNT * dtype.sizeBytes()]);
        for (int i = 0; i < COUNT; i++) {
            double value = i == BAD ? bad : 1;
            switch (dtype) {
                case I32 -> bytes.set(Elements.INT, 4L * i, (int) value);
                case U8 -> bytes.set(ValueLayout.JAVA_BYTE, i, (byte) value);
                default -> Elements.set(bytes, dtype, i, (float) value);
            }
        }
        new PartCheck(tensor, part).run(BEFORE, bytes);
    }

    @ParameterizedTest
    @CsvSource({"-1", "3", "2000000000"})
    void aGroupThatThereIsNot(int group) {
        assertThatThrownBy(() -> check(Role.GROUPS, DType.I32, group))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(
                        "model.safetensors: tensor 'm.p' has group " + group + " of 3")
                .hasMessageContaining("at element 104");
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void aScaleThatIsNothing(DType dtype) {
        assertThatThrownBy(() -> check(Role.SCALES, dtype, 0))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("tensor 'm.p' has a scale of 0 at element 104");
        for (double bad : List.of(Double.NaN, Double.NEGATIVE_INFINITY)) {
            for (Role role : List.of(Role.SCALES, Role.RANGES, Role.TABLE)) {
                assertThatThrownBy(() -> check(role, dtype, bad))
                        .isInstanceOf(BadInputException.class)
                        .hasMessageContaining("m.p")
                        .hasMessageContaining("104");
            }
        }
    }

    @Test
    void anExponentThatIsNoNumber() {
        assertThatThrownBy(() -> check(Role.EXPONENTS, DType.U8, 255))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("has a scale that is no number at element 104");
    }

    @Test
    void whatMakesSenseIsTaken() {
        assertThatCode(() -> check(Role.GROUPS, DType.I32, GROUPS - 1)).doesNotThrowAnyException();
        assertThatCode(() -> check(Role.SCALES, DType.F16, -0.5)).doesNotThrowAnyException();
        assertThatCode(() -> check(Role.RANGES, DType.F32, 0)).doesNotThrowAnyException();
        assertThatCode(() -> check(Role.EXPONENTS, DType.U8, 254)).doesNotThrowAnyException();
    }
}
