package io.millrace.optim.journal;

import io.millrace.memory.BadInputException;
import java.util.Optional;

/**
 * What a journal still tells, damaged or not.
 *
 * @param journal its whole lines from the first up to the damage; where there is damage, what lies
 *     behind the last of them does not count as torn
 * @param damage the first line that is not as it was written, and what is wrong with it
 */
public record JournalSurvey(Journal journal, Optional<BadInputException> damage) {}
