package io.millrace.optim.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.optim.option.Settings;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Values of single examples, against SQuAD's evaluation worked by hand. */
final class ObjectivesTest {
    private static final AnswerF1 F1 = new AnswerF1(50);
    private static final ExactMatch EXACT = new ExactMatch(50);

    @Test
    void aWrongCandidateCostsOneAndTheFirstOfEqualsIsTheAnswer() {
        Accuracy accuracy = new Accuracy();
        assertThat(accuracy.of(new double[] {0.3, 0.2, 0.4}, 1)).isZero();
        assertThat(accuracy.of(new double[] {0.3, 0.2, 0.4}, 0)).isEqualTo(1);
        assertThat(accuracy.of(new double[] {0.2, 0.2}, 0)).isZero();
        assertThat(accuracy.of(new double[] {0.2, 0.2}, 1)).isEqualTo(1);
    }

    @Test
    void f1CountsWordsThatBothHave() {
        assertThat(F1.of("The cat.", List.of("a CAT"))).isZero();
        // 2 common words of 3 and of 4: 2 · 2 / 7.
        assertThat(F1.of("red house car", List.of("car in red garage")))
                .isCloseTo(1 - 4.0 / 7, within(1e-15));
        // A word counts as often as both have it: 2 · 1 / (3 + 1).
        assertThat(F1.of("no no no", List.of("no"))).isCloseTo(0.5, within(1e-15));
        assertThat(F1.of("dog", List.of("cat", "dog"))).isZero();
        assertThat(F1.of("dog", List.of("cat"))).isEqualTo(1);
    }

    @Test
    void noWordsAgreeWithNoWordsAlone() {
        assertThat(F1.of("the", List.of("."))).isZero();
        assertThat(F1.of("", List.of("cat"))).isEqualTo(1);
        assertThat(F1.of("cat", List.of("the"))).isEqualTo(1);
    }

    @Test
    void exactMatchLooksPastCaseMarksAndArticles() {
        assertThat(EXACT.of("The  U.S. army", List.of("us Army"))).isZero();
        assertThat(EXACT.of("army us", List.of("us army"))).isEqualTo(1);
        assertThat(EXACT.of("dog", List.of("cat", "Dog!"))).isZero();
    }

    @Test
    void theRegistryMakesEachByItsName() {
        Objectives.KINDS
                .all()
                .forEach(kind ->
                        assertThat(Objectives.KINDS.make(kind.name(), Settings.NONE, 0).name())
                                .isEqualTo(kind.name()));
        Settings few = Settings.NONE.with(Objectives.MAX_NEW_TOKENS, 7);
        assertThat(Objectives.KINDS.make(AnswerF1.NAME, few, 0)).isEqualTo(new AnswerF1(7));
    }
}
