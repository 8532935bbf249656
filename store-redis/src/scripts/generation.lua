-- The generation of a group.
-- KEYS: generation.
return { 'O', int(generation(KEYS[1])) }
