package io.millrace.bench.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScaleTest {
    @Test
    void namesRoundValuesWithinItsEnds() {
        assertThat(new Scale(Scale.Kind.LOGARITHMIC, 0.6, 60).ticks(5))
                .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-9 ? 0 : 1)
                .containsExactly(1.0, 2.0, 5.0, 10.0, 20.0, 50.0);
        assertThat(new Scale(Scale.Kind.LINEAR, 0, 1000).ticks(5))
                .containsExactly(0.0, 200.0, 400.0, 600.0, 800.0, 1000.0);
        assertThat(new Scale(Scale.Kind.LOGARITHMIC, 3, 5).ticks(4))
                .containsExactly(3.0, 3.5, 4.0, 4.5, 5.0);
    }

    @Test
    void equalFactorsAreEquallyFarApart() {
        Scale scale = new Scale(Scale.Kind.LOGARITHMIC, 1, 100);
        assertThat(scale.share(1)).isZero();
        assertThat(scale.share(10)).isCloseTo(0.5, within(1e-12));
        assertThat(scale.share(100)).isEqualTo(1);
        assertThat(new Scale(Scale.Kind.LINEAR, 0, 4).share(1)).isEqualTo(0.25);
    }
}
