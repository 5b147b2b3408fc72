package io.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class GpuConditionTest {
    @Test
    void skipsWhereThereIsNoDeviceAndFailsWhereOneIsRequired() {
        assertThat(GpuCondition.decide("no driver", false).isDisabled()).isTrue();
        assertThat(GpuCondition.decide("", false).isDisabled()).isFalse();
        assertThat(GpuCondition.decide("", true).isDisabled()).isFalse();
        assertThatThrownBy(() -> GpuCondition.decide("no driver", true))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("no driver");
    }
}
